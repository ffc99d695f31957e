-- Reads: item_launches, and what attempt_limits reads   Writes: nothing
create or replace function pgjobs.attempts_end(_job_id bigint, _shard integer)
returns timestamptz
language sql
stable
set search_path = pg_catalog, pg_temp
as $$
  select min(o.launched_at + m.most)
  from pgjobs.attempt_limits(_job_id) m
  cross join lateral (
    select l.launched_at from pgjobs.item_launches l
    where l.job_id = _job_id and l.shard = _shard and l.acked = m.acked
    order by l.launched_at
    limit 1) o;
$$;
comment on function pgjobs.attempts_end(bigint, integer) is
  'When the time of the first attempt of a shard that is under way may be over; null: nothing limits one.';
