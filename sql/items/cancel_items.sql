-- Reads: shards, xmp_jobs   Writes: items, item_counts, item_retries, item_offers, ended_items
create or replace function pgjobs.cancel_items(_job_id bigint, _keys bigint[])
returns bigint
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
as $$
declare
  _notifies constant boolean := (select r.notifies from pgjobs.item_rules(_job_id) r);
  _n bigint;
begin
  with open as materialized (
    select i.key, i.status, i.attempts
    from pgjobs.items i
    where i.job_id = _job_id and i.key = any (_keys) and i.status in ('w', 'l', 'r')
    order by i.key
    for no key update
  ), flying as (
    -- What is being sent is counted as sent: nobody holds it back any more.
    select o.*, o.status in ('w', 'r') and exists (
      select from pgjobs.shards p
      cross join lateral (select coalesce(p.after_key, p.first_key)) a (key)
      where p.job_id = _job_id and p.attempt = o.attempts + 1 and not p.round_over and p.in_flight_to is distinct from p.after_key
        and o.key between least(a.key, p.in_flight_to) and greatest(a.key, p.in_flight_to)) as in_flight
    from open o
  ), changed as (
    update pgjobs.items i
    set status = 'c', result = 'CANCELLED', closed_at = pgjobs.now(),
        attempts = case when f.in_flight then i.attempts + 1 else i.attempts end, launched_at = case when f.in_flight then pgjobs.now() else i.launched_at end
    from flying f
    where i.job_id = _job_id and i.key = f.key
  ), gone as (
    delete from pgjobs.item_retries r using open o where r.job_id = _job_id and r.key = o.key
  ), offered as (
    delete from pgjobs.item_offers f using open o where f.job_id = _job_id and f.key = o.key
  ), ended as (
    insert into pgjobs.ended_items (job_id, at, keys)
    select _job_id, pgjobs.now(), p.keys from pgjobs.key_parts((select array_agg(o.key) from open o where _notifies)) p (keys)
  ), counted as (
    insert into pgjobs.item_counts as k (job_id, slot, status, n)
    select _job_id, pg_backend_pid() % 8, s.status, sum(s.n)
    from (select 'c'::"char" as status, 1 as n from open union all select o.status, -1 from open o) s
    group by s.status
    order by s.status
    on conflict (job_id, slot, status) do update set n = k.n + excluded.n
  )
  select count(*) into _n from open;
  return _n;
end;
$$;
comment on function pgjobs.cancel_items(bigint, bigint[]) is
  'Closes these items of a job as cancelled, those that are open; how many there were. They stay counted, and nothing of them is sent any more, but what is under way. settle_items() lets the job end where they were the last ones.';
