-- Reads: shards   Writes: nothing
create or replace function pgjobs.shard_filter(_job_id bigint, _shard integer, _msisdn text)
returns text
language sql
stable
set search_path = pg_catalog, pg_temp
as $$
  select case when count(*) > 1 then format(' and (hashtextextended(%s, 0) & 1073741823) %% %s = %s', _msisdn, count(*), _shard) end
  from pgjobs.shards p
  where p.job_id = _job_id;
$$;
comment on function pgjobs.shard_filter(bigint, integer, text) is
  'The condition that an msisdn belongs to a shard, so that all its rows meet in one place; null for a job of one shard. The number of shards is that of the rows of progress, fixed at the first start.';
