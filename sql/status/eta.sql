-- Reads: xmp_jobs, xmp_job_types, shards, checkpoints, events, holds, switch, holidays   Writes: nothing
create or replace function pgjobs.eta(_job_id bigint)
returns timestamptz
language sql
stable
security definer
set search_path = pg_catalog, pg_temp
as $$
  select case
    when p.why_it_ends in ('all its records are through', 'its stop') then p.ends
    -- A plan is not told to its end, but its stop is one.
    when p.why_it_ends = 'its window closes' then (select c.stop_at from pgjobs.pace_of(_job_id) c) end
  from pgjobs.plan(_job_id) p
  order by p.begins desc
  limit 1;
$$;
comment on function pgjobs.eta(bigint) is
  'When a job will be through, by its plan: its windows, its rate or the speed it has now, and at the latest its stop, at which the rest of it is closed. The speed of one with a max_backlog is that of the consumers, as far as its checkpoints show it. Null where nobody can say: it is paused, held or ended, its canary will hold it, or it has no stop and neither a rate nor a speed is known.';
