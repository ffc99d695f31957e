-- Reads: xmp_jobs, xmp_job_types   Writes: nothing
create or replace function pgjobs.completions(_what text, _begin text)
returns table (word text, about text)
language sql
stable
security definer
set search_path = pg_catalog, pg_temp
as $$
  (select t.name::text, coalesce(t.title, '')
   from public.xmp_job_types t
   where _what = 'type' and t.selector is not null and starts_with(t.name::text, _begin)
   order by t.name limit 50)
  union all
  (select j.id::text, format('%s, %s', j.type, j.status)
   from (select n.id, n.type, n.status from public.xmp_jobs n where _what = 'job' order by n.id desc limit 1000) j
   where starts_with(j.id::text, _begin)
   order by j.id desc limit 50);
$$;
comment on function pgjobs.completions(text, text) is
  'Words that begin so, for a shell that completes them, with what each of them is: "type": types that jobs may have, "job": the numbers of jobs, of the newest thousand; 50 at most.';
