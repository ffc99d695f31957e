-- Reads: shards, cancellations, switch   Writes: nothing
create or replace function pgjobs.job_state(_job public.xmp_jobs)
returns text
language sql
stable
set search_path = pg_catalog, pg_temp
-- One plan is kept: with the argument known it is planned anew in each call, which costs more than it saves.
set plan_cache_mode = force_generic_plan
as $$
  select s.state from pgjobs.state_of(_job) s;
$$;
comment on function pgjobs.job_state(public.xmp_jobs) is
  'What a job does, finer than its status: preparing, inactive, waiting, running, paused, stopping and stopped (it can be resumed), cancelling and cancelled (it can not), finished, broken (it can be resumed) or ended_broken (it can not). pgjobs.state_words() has the words of each door.';
