-- Reads: xmp_job_types, cancellations   Writes: items, item_counts, item_launches, item_retries, item_offers, ended_items, and what checkpoint_job writes
create or replace function pgjobs.checkpoint_items(
  _job_id bigint, _shard integer, _epoch bigint, _lease interval,
  _after_key bigint, _in_flight_to bigint, _sent bigint, _skipped bigint, _returned bigint, _outcomes jsonb, _log_bytes bigint, _chain bytea, _checks bytea,
  _unsent jsonb, _keys bigint[], _confirm_ms integer default null, _backlog bigint default null)
returns table (verdict text, pause interval, reason text, paced boolean)
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
-- Items are locked in the order of their keys, as by everybody else: that of their index, not that of their places.
set enable_seqscan = off
set enable_bitmapscan = off
as $$
declare
  _now constant timestamptz := pgjobs.now();
  _before bigint;
  _attempt smallint;
  _descending boolean;
  _least bigint;
  _greatest bigint;
  _rules record;
  _type text;
begin
  select p.after_key, p.attempt into _before, _attempt from pgjobs.shards p
  where p.job_id = _job_id and p.shard = _shard and p.epoch = _epoch and p.lease_until > clock_timestamp()
  for no key update;
  if not found then
    return;
  end if;
  _descending := _before > _after_key;
  select k.least_key, k.greatest_key into _least, _greatest from pgjobs.shard_keys(_job_id, _shard) k;
  if _descending is null then
    -- The first window of a job that began from the top: its last key is nearer to the greatest one.
    _descending := (select r.descending from public.xmp_jobs j cross join pgjobs.read_params(j.type::text, j.params) r where j.id = _job_id);
  end if;
  if _descending then
    _least := _after_key;
    _greatest := coalesce(_before - 1, _greatest);
  else
    _least := coalesce(_before + 1, _least);
    _greatest := _after_key;
  end if;
  select * into _rules from pgjobs.item_rules(_job_id);
  -- What has no route is taken by SQL.
  _type := (
    select t.name from public.xmp_jobs j join public.xmp_job_types t on t.name = j.type::text
    where j.id = _job_id and t.exchange = '' and t.routing_key is null);
  if _attempt > 1 or exists (select from pgjobs.cancellations c where c.job_id = _job_id) then
    -- Two statements change items below: what both may meet is locked by the first one, in the order of the keys.
    perform from pgjobs.items i
    where i.job_id = _job_id and i.key between _least and _greatest and (_keys is null or i.key = any (_keys))
    order by i.key
    for no key update;
  end if;
  with changed as (
    update pgjobs.items i
    set status = (case when _unsent ? i.key::text then case when _unsent -> i.key::text ->> 0 = 'timed_out' then 't' else 'x' end
                       when i.code is not null then 'x'
                       when i.answer is not null then i.answer::text
                       else 'l' end)::"char",
        attempts = case when _unsent ? i.key::text or i.code is not null then i.attempts else _attempt end,
        launched_at = case when _unsent ? i.key::text or i.code is not null then i.launched_at else _now end,
        closed_at = case when _unsent ? i.key::text or i.code is not null or i.answer in ('s', 'f', 't') then _now end,
        result = case when _unsent ? i.key::text then _unsent -> i.key::text ->> 0 else coalesce(i.code, i.result) end,
        description = case when _unsent ? i.key::text then _unsent -> i.key::text ->> 1 else i.description end,
        answer = null,
        -- What was said of this attempt says nothing of the next one.
        acked_at = case when i.answer = 'r' then null else i.acked_at end
    where i.job_id = _job_id and i.key between _least and _greatest
      and (_attempt = 1 and i.status = 'w'
           -- Not by what is due: one that became due meanwhile was not read, and did not go out.
           or _attempt > 1 and i.status = 'r' and i.key = any (_keys))
    returning i.key, i.status
  ), again as (
    insert into pgjobs.item_retries as r (job_id, shard, key, attempt, due_at)
    select _job_id, _shard, c.key, _attempt + 1, _now + pgjobs.retry_delay(_rules.delay_to_retry, _rules.retry_growth, _attempt) from changed c where c.status = 'r'
    on conflict (job_id, key) do update set attempt = excluded.attempt, due_at = excluded.due_at
  ), gone as (
    delete from pgjobs.item_retries r using changed c
    where _attempt > 1 and c.status <> 'r' and r.job_id = _job_id and r.key = c.key
  ), ended as (
    insert into pgjobs.ended_items (job_id, at, keys)
    select _job_id, _now, p.keys
    from pgjobs.key_parts((select array_agg(c.key) from changed c where _rules.notifies and c.status not in ('l', 'r'))) p (keys)
  ), launched as (
    -- Whatever the rules say now: a limit may be set later.
    insert into pgjobs.item_launches (job_id, shard, acked, launched_at, from_key, to_key, keys)
    select _job_id, _shard, false, _now, _least, _greatest, _keys where exists (select from changed c where c.status = 'l')
    on conflict do nothing
  ), offered as (
    insert into pgjobs.item_offers as o (job_id, key, type, lease_until)
    select _job_id, c.key, _type, '-infinity' from changed c where c.status = 'l' and _type is not null
    on conflict (job_id, key) do update set agent = null, lease_until = excluded.lease_until
  )
  insert into pgjobs.item_counts as k (job_id, slot, status, n)
  select _job_id, pg_backend_pid() % 8, s.status, sum(s.n)
  from (select c.status, 1 as n from changed c
        union all select case when _attempt > 1 then 'r' else 'w' end::"char", -1 from changed c
        union all select 'S'::"char", 1 from changed c where c.status = 't' and _unsent -> c.key::text ->> 0 = 'timed_out') s
  group by s.status
  having sum(s.n) <> 0
  order by s.status
  on conflict (job_id, slot, status) do update set n = k.n + excluded.n;
  if _attempt > 1 or exists (select from pgjobs.cancellations c where c.job_id = _job_id) then
    -- One that was closed after its window was read has gone out all the same.
    update pgjobs.items i
    set attempts = _attempt, launched_at = _now
    where i.job_id = _job_id and i.key between _least and _greatest and (_keys is null or i.key = any (_keys))
      and i.attempts = _attempt - 1 and i.status in ('s', 'f', 't', 'c') and i.code is null and not _unsent ? i.key::text;
  end if;
  return query select * from pgjobs.checkpoint_job(_job_id, _shard, _epoch, _lease, _after_key, _in_flight_to, _sent, _skipped, _returned,
    _outcomes, _log_bytes, _chain, _checks, _confirm_ms, _backlog);
end;
$$;
comment on function pgjobs.checkpoint_items(bigint, integer, bigint, interval, bigint, bigint, bigint, bigint, bigint, jsonb, bigint, bytea, bytea, jsonb, bigint[], integer, bigint) is
  'What checkpoint_job() does, for a window of items: they become launched, or what an early answer says, or refused; of those that were closed meanwhile the attempt is counted. _unsent: {key: [code, detail]} of those that were to be sent and were not. _keys: what the window holds, where it is a further attempt; null: everything up to its last key. No row means fenced out, and nothing is changed.';
