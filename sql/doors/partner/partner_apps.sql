-- Reads: xmp_job_types   Writes: nothing
create or replace function pgjobs.partner_apps()
returns text
language sql
stable
set search_path = pg_catalog, pg_temp
as $$
  select case when count(*) = 0 then 'there is no app yet: ask whoever runs this service for one'
    else 'take one of ' || string_agg(t.shown, ', ' order by t.n) filter (where t.n <= 10)
         || case when count(*) > 10 then format(' and %s more', count(*) - 10) else '' end
    end
  from (
    select t.name || case when t.applicable_to = '{}' then '' else ' (' || array_to_string(t.applicable_to, ', ') || ')' end,
           row_number() over (order by t.name)
    from public.xmp_job_types t
    where 'partner' = any (t.doors) and t.selector is not null
  ) t (shown, n);
$$;
comment on function pgjobs.partner_apps() is
  'The remedy for whoever asks the partner door for an app that there is not: the names of some, each with what it is for.';
