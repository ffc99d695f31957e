-- Reads: item_counts, and what has_failed reads   Writes: nothing
create or replace function pgjobs.state_remark(_job_id bigint, _state text)
returns text
language sql
stable
set search_path = pg_catalog, pg_temp
-- One plan is kept: with the argument known it is planned anew in each call, which costs more than it saves.
set plan_cache_mode = force_generic_plan
as $$
  select case
    when _state in ('cancelling', 'cancelled') then 'for good'
    when _state = 'finished' and pgjobs.has_failed(_job_id) then (
      select format('counts as failed: %s of %s not good', n.closed - n.good, n.closed)
      from (
        select coalesce(sum(c.n) filter (where c.status = 's'), 0) as good,
               coalesce(sum(c.n) filter (where c.status in ('s', 'f', 't', 'c', 'x')), 0) as closed
        from pgjobs.item_counts c where c.job_id = _job_id) n) end;
$$;
comment on function pgjobs.state_remark(bigint, text) is
  'What the word of a state leaves open, for people: that a job is cancelled for good, or that one which is done counts as failed, and with how many items; null where the word says all.';
