-- Reads: shards, xmp_jobs   Writes: items, item_counts, item_retries, item_launches, item_offers, cancellations, ended_items, open_totals, item_totals
create or replace function pgjobs.close_cancelled(_job_id bigint default null)
returns boolean
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  -- Whoever cancels a job waits for the first ones.
  _most constant integer := case when _job_id is null then 10000 else 1000 end;
  _job bigint;
  _after bigint;
  _last bigint;
  _n bigint;
  _notifies boolean;
begin
  select c.job_id, c.after_key into _job, _after
  from pgjobs.cancellations c
  where c.closed_at is null and (_job_id is null or c.job_id = _job_id)
  order by c.job_id
  limit 1
  for update skip locked;
  if not found then
    return false;
  end if;
  _notifies := (select r.notifies from pgjobs.item_rules(_job) r);
  with read as materialized (
    select i.key, i.status from pgjobs.items i
    where i.job_id = _job and (_after is null or i.key > _after)
    order by i.key
    limit _most
  ), open as materialized (
    select i.key, i.status from read r join pgjobs.items i on i.job_id = _job and i.key = r.key
    where i.status in ('w', 'l', 'r')
    order by i.key
    for no key update of i
  ), changed as (
    update pgjobs.items i set status = 'c', result = 'CANCELLED', closed_at = pgjobs.now()
    from open o
    where i.job_id = _job and i.key = o.key
  ), ended as (
    insert into pgjobs.ended_items (job_id, at, keys)
    select _job, pgjobs.now(), p.keys from pgjobs.key_parts((select array_agg(o.key) from open o where _notifies)) p (keys)
  ), counted as (
    insert into pgjobs.item_counts as k (job_id, slot, status, n)
    select _job, pg_backend_pid() % 8, s.status, sum(s.n)
    from (select 'c'::"char" as status, 1 as n from open union all select o.status, -1 from open o) s
    group by s.status
    order by s.status
    on conflict (job_id, slot, status) do update set n = k.n + excluded.n
  )
  select max(r.key), count(*) into _last, _n from read r;
  if _n = _most then
    update pgjobs.cancellations c set after_key = _last where c.job_id = _job;
    return true;
  end if;
  if exists (select from pgjobs.shards p where p.job_id = _job and p.owner is not null and p.lease_until > clock_timestamp()) then
    -- What is still in flight becomes launched at its last checkpoint.
    update pgjobs.cancellations c set after_key = null where c.job_id = _job;
    return true;
  end if;
  update pgjobs.cancellations c
  set after_key = null, closed_at = case when pgjobs.open_items(_job) = 0 then clock_timestamp() end
  where c.job_id = _job;
  if pgjobs.open_items(_job) = 0 then
    perform pgjobs.settle_totals(_job);
  end if;
  delete from pgjobs.item_offers o where o.job_id = _job;
  delete from pgjobs.item_retries r where r.job_id = _job;
  delete from pgjobs.item_launches l where l.job_id = _job;
  return true;
end;
$$;
comment on function pgjobs.close_cancelled(bigint) is
  'Closes open items of a job that is cancelled, 1,000 keys at a time; without a number 10,000 of the next such job. Whether to be called again at once.';
