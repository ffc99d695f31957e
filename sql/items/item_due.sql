-- Reads: what attempts_end and pace_of read, item_retries   Writes: nothing
create or replace function pgjobs.item_due(_job_id bigint, _shard integer)
returns timestamptz
language sql
stable
set search_path = pg_catalog, pg_temp
as $$
  select least(
    pgjobs.attempts_end(_job_id, _shard),
    (select r.due_at from pgjobs.item_retries r where r.job_id = _job_id and r.shard = _shard order by r.due_at limit 1),
    (select p.stop_at from pgjobs.pace_of(_job_id) p),
    -- Whatever was missed is found then.
    pgjobs.now() + interval '10 minutes');
$$;
comment on function pgjobs.item_due(bigint, integer) is
  'When a shard whose round is over has something to do next: an attempt whose time may be over, a further attempt, the stop of its job; after ten minutes in any case.';
