-- Reads: xmp_jobs, xmp_job_types   Writes: items, item_counts, item_launches, item_retries, item_offers, ended_items
create or replace function pgjobs.close_overdue(_job_id bigint, _shard integer)
returns bigint
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
as $$
declare
  _now constant timestamptz := pgjobs.now();
  _rules record;
  _gone pgjobs.item_launches[];
  _from bigint[];
  _to bigint[];
  _n bigint;
begin
  select * into _rules from pgjobs.item_rules(_job_id);
  with gone as (
    delete from pgjobs.item_launches l
    where (l.job_id, l.shard, l.acked, l.launched_at, l.from_key, l.to_key) in (
      select _job_id, _shard, o.acked, o.launched_at, o.from_key, o.to_key
      from pgjobs.attempt_limits(_job_id) m
      cross join lateral (
        select n.acked, n.launched_at, n.from_key, n.to_key from pgjobs.item_launches n
        where n.job_id = _job_id and n.shard = _shard and n.acked = m.acked
        order by n.launched_at
        limit 10) o
      where o.launched_at + m.most <= _now)
    returning l as launch
  )
  select array_agg(g.launch) into _gone from gone g;
  with apart as (
    -- Ranges that overlap are one: each item comes once.
    select unnest(range_agg(numrange(r.from_key, r.to_key, '[]'))) as keys
    from unnest(_gone) g
    cross join lateral (
      select g.from_key, g.to_key where g.keys is null
      union all select k.key, k.key from unnest(g.keys) k (key)) r
  )
  select array_agg(lower(a.keys)::bigint order by a.keys), array_agg(upper(a.keys)::bigint order by a.keys) into _from, _to from apart a;
  -- All of them in one statement: whoever changes items locks all of theirs, in the order of their keys, before any counter.
  with overdue as (
    select i.key, pgjobs.status_after(false, 'ERROR_TIMEOUT', i.attempts, _rules.retry_limit, _rules.retry_results) as status, i.attempts
    from unnest(_from, _to) u (from_key, to_key)
    join pgjobs.items i on i.job_id = _job_id and i.key between u.from_key and u.to_key
    where i.status = 'l'
      and (i.launched_at + _rules.execution_limit <= _now or i.acked_at is null and i.launched_at + _rules.ack_limit <= _now)
    order by i.key
    for no key update of i
  ), changed as (
    update pgjobs.items i
    set status = o.status, result = 'ERROR_TIMEOUT', closed_at = case when o.status <> 'r' then _now end,
        acked_at = case when o.status <> 'r' then i.acked_at end
    from overdue o
    where i.job_id = _job_id and i.key = o.key
  ), done_with as (
    delete from pgjobs.item_offers f using overdue o where f.job_id = _job_id and f.key = o.key
  ), again as (
    insert into pgjobs.item_retries as r (job_id, shard, key, attempt, due_at)
    select _job_id, _shard, o.key, o.attempts + 1, _now + pgjobs.retry_delay(_rules.delay_to_retry, _rules.retry_growth, o.attempts) from overdue o where o.status = 'r'
    on conflict (job_id, key) do update set attempt = excluded.attempt, due_at = excluded.due_at
  ), ended as (
    insert into pgjobs.ended_items (job_id, at, keys)
    select _job_id, _now, p.keys
    from pgjobs.key_parts((select array_agg(o.key) from overdue o where _rules.notifies and o.status <> 'r')) p (keys)
  ), counted as (
    insert into pgjobs.item_counts as k (job_id, slot, status, n)
    select _job_id, pg_backend_pid() % 8, s.status, sum(s.n)
    from (select o.status, 1 as n from overdue o union all select 'l'::"char", -1 from overdue o) s
    group by s.status
    order by s.status
    on conflict (job_id, slot, status) do update set n = k.n + excluded.n
  )
  select count(*) into _n from overdue;
  -- What is left of a launch was acknowledged.
  insert into pgjobs.item_launches (job_id, shard, acked, launched_at, from_key, to_key, keys)
  select g.job_id, g.shard, true, g.launched_at, g.from_key, g.to_key, g.keys
  from unnest(_gone) g
  where pgjobs.is_launched(g)
  on conflict do nothing;
  return _n;
end;
$$;
comment on function pgjobs.close_overdue(bigint, integer) is
  'Ends the attempts of a shard whose time is over, by the rules of its job as they are now: tried again, or closed by time; 20 ranges at most. How many items it has changed.';
