-- Reads: shards, xmp_jobs   Writes: nothing
create or replace function pgjobs.shard_keys(_job_id bigint, _shard integer)
returns table (least_key bigint, greatest_key bigint)
language sql
stable
set search_path = pg_catalog, pg_temp
as $$
  select case when r.descending then coalesce(p.end_key, -9223372036854775808) else coalesce(p.start_key + 1, -9223372036854775808) end,
         case when r.descending then coalesce(p.start_key - 1, 9223372036854775807) else coalesce(p.end_key, 9223372036854775807) end
  from pgjobs.shards p
  join public.xmp_jobs j on j.id = p.job_id
  cross join pgjobs.read_params(j.type::text, j.params) r
  where p.job_id = _job_id and p.shard = _shard;
$$;
comment on function pgjobs.shard_keys(bigint, integer) is 'The least and the greatest key of the range of a shard.';
