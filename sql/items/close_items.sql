-- Reads: xmp_jobs   Writes: items, item_counts, item_retries, item_launches, item_offers, ended_items
create or replace function pgjobs.close_items(_job_id bigint, _shard integer, _status "char", _result text)
returns bigint
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
as $$
declare
  _notifies constant boolean := (select r.notifies from pgjobs.item_rules(_job_id) r);
  _n bigint;
begin
  with closed as (
    select i.key, i.status
    from pgjobs.shard_keys(_job_id, _shard) k
    join pgjobs.items i on i.job_id = _job_id and i.key between k.least_key and k.greatest_key
    where i.status in ('w', 'l', 'r')
    order by i.key
    for no key update of i
  ), changed as (
    update pgjobs.items i
    set status = _status, result = _result, closed_at = pgjobs.now()
    from closed c
    where i.job_id = _job_id and i.key = c.key
  ), ended as (
    insert into pgjobs.ended_items (job_id, at, keys)
    select _job_id, pgjobs.now(), p.keys from pgjobs.key_parts((select array_agg(c.key) from closed c where _notifies)) p (keys)
  ), counted as (
    insert into pgjobs.item_counts as k (job_id, slot, status, n)
    select _job_id, pg_backend_pid() % 8, s.status, sum(s.n)
    from (select _status as status, 1 as n from closed union all select c.status, -1 from closed c
          union all select 'S'::"char", 1 from closed where _result = 'timed_out') s
    group by s.status
    order by s.status
    on conflict (job_id, slot, status) do update set n = k.n + excluded.n
  )
  select count(*) into _n from closed;
  delete from pgjobs.item_offers o
  using pgjobs.shard_keys(_job_id, _shard) k
  where o.job_id = _job_id and o.key between k.least_key and k.greatest_key;
  delete from pgjobs.item_retries r where r.job_id = _job_id and r.shard = _shard;
  delete from pgjobs.item_launches l where l.job_id = _job_id and l.shard = _shard;
  return _n;
end;
$$;
comment on function pgjobs.close_items(bigint, integer, "char", text) is 'Closes every open item of a shard with this status and result; how many there were.';
