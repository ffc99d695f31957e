-- Reads: shards, checkpoints, events, switch   Writes: nothing
create or replace function pgjobs.consumed_rate(_job_id bigint, _max_backlog bigint, _open boolean)
returns numeric
language sql
stable
set search_path = pg_catalog, pg_temp
as $$
  with latest as (
    select c.at, c.n, c.shard, c.number, max(c.at) over () - interval '1 hour' as lately
    from pgjobs.shards p
    cross join lateral (
      select k.at, k.sent + k.returned as n, k.shard, k.number
      from pgjobs.checkpoints k where k.job_id = p.job_id and k.shard = p.shard order by k.number desc limit 200) c
    where p.job_id = _job_id
  ), counted as (
    select l.at, l.n, sum(l.n) over (order by l.at, l.shard, l.number) as total
    from latest l
    -- Before that it was another pace, or none.
    where l.at > greatest(l.lately, (select max(e.at) from pgjobs.events e where e.job_id = _job_id), (select s.at from pgjobs.switch s))
  )
  -- The first ones may have done no more than fill the queue; from then on as much goes in as is taken out.
  select nullif(round(
    sum(c.n) filter (where c.total - c.n >= _max_backlog)
    / nullif(pgjobs.seconds_between(min(c.at) filter (where c.total >= _max_backlog),
                                    case when _open then clock_timestamp() else max(c.at) end), 0), 2), 0)
  from counted c
$$;
comment on function pgjobs.consumed_rate(bigint, bigint, boolean) is
  'How many records per second consumers let a job with this max_backlog publish, by its checkpoints of the last hour. Null where that is not known: since it began, was resumed or got another pace it has published no more than fits into the queue. open: its window is open, so that the time since its last checkpoint counts as well.';
