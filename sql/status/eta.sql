-- Reads: xmp_jobs, xmp_job_types, shards, holds, switch, holidays   Writes: nothing
create or replace function pgjobs.eta(_job_id bigint)
returns timestamptz
language sql
stable
security definer
set search_path = pg_catalog, pg_temp
as $$
  select case when p.why_it_ends in ('all its records are through', 'its stop') then p.ends end
  from pgjobs.plan(_job_id) p
  order by p.begins desc
  limit 1;
$$;
comment on function pgjobs.eta(bigint) is
  'When a job will be through, by its plan: its windows, its rate or the speed it has now, and its stop, at which the rest of it is closed. Null where nobody can say: it is paused, held or ended, or neither a rate nor a speed is known.';
