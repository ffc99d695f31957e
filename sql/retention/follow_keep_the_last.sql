-- Reads: xmp_jobs, cancellations   Writes: ended_jobs
create or replace function pgjobs.follow_keep_the_last()
returns trigger
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
set timezone = 'UTC'
as $$
begin
  delete from pgjobs.ended_jobs e where e.type = new.name::text;
  if new.keep_the_last is not null then
    insert into pgjobs.ended_jobs (type, at, job_id)
    select new.name, j.finish_at::timestamptz, j.id
    from public.xmp_jobs j
    where j.type::text = new.name::text and j.finish_at is not null
      and (j.status::text = 'done' or exists (select from pgjobs.cancellations c where c.job_id = j.id));
  end if;
  return null;
end;
$$;
comment on function pgjobs.follow_keep_the_last() is
  'Trigger: a type that is to keep the last jobs alone, or another number of them, is looked through once.';
