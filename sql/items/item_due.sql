-- Reads: item_launches, item_retries, and what attempt_limits reads   Writes: nothing
create or replace function pgjobs.item_due(_job_id bigint, _shard integer)
returns timestamptz
language sql
stable
set search_path = pg_catalog, pg_temp
as $$
  select least(
    (select min(o.launched_at + m.most)
     from pgjobs.attempt_limits(_job_id) m
     cross join lateral (
       select l.launched_at from pgjobs.item_launches l
       where l.job_id = _job_id and l.shard = _shard and l.acked = m.acked
       order by l.launched_at
       limit 1) o),
    (select r.due_at from pgjobs.item_retries r where r.job_id = _job_id and r.shard = _shard order by r.due_at limit 1),
    (select p.stop_at from pgjobs.pace_of(_job_id) p),
    -- Whatever was missed is found then.
    pgjobs.now() + interval '10 minutes');
$$;
comment on function pgjobs.item_due(bigint, integer) is
  'When a shard whose round is over has something to do next: an attempt whose time may be over, a further attempt, the stop of its job; after ten minutes in any case.';
