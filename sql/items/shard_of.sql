-- Reads: shards, xmp_jobs   Writes: nothing
create or replace function pgjobs.shard_of(_job_id bigint, _key bigint)
returns integer
language sql
stable
set search_path = pg_catalog, pg_temp
as $$
  select p.shard
  from pgjobs.shards p
  cross join pgjobs.shard_keys(p.job_id, p.shard) k
  where p.job_id = _job_id and _key between k.least_key and k.greatest_key
  order by p.shard
  limit 1;
$$;
comment on function pgjobs.shard_of(bigint, bigint) is 'The shard of a job in whose range a key lies.';
