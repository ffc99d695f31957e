-- Reads: what is_launched reads   Writes: item_launches
create or replace function pgjobs.forget_launches(_job_id bigint, _shard integer)
returns void
language sql
volatile
set search_path = pg_catalog, pg_temp
as $$
  delete from pgjobs.item_launches l
  where (l.job_id, l.shard, l.acked, l.launched_at, l.from_key, l.to_key) in (
    select (o.launch).job_id, (o.launch).shard, (o.launch).acked, (o.launch).launched_at, (o.launch).from_key, (o.launch).to_key
    from (
      select n as launch from pgjobs.item_launches n
      where n.job_id = _job_id and n.shard = _shard and n.keys is not null
      order by random()
      limit 3) o
    where not pgjobs.is_launched(o.launch));
$$;
comment on function pgjobs.forget_launches(bigint, integer) is
  'Forgets a few launches of further attempts that are all answered: a job without limits, whose items fail one by one for days, would keep one for each of its rounds.';
