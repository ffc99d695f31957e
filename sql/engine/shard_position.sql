-- Reads: shards, xmp_jobs   Writes: nothing
create or replace function pgjobs.shard_position(_job_id bigint, _shard integer, _epoch bigint)
returns table (after_key bigint, end_key bigint, empty boolean, remaining bigint, lsn text, zones text[], attempt smallint)
language plpgsql
stable
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  _late bigint;
begin
  select p.late_key into _late from pgjobs.shards p
  where p.job_id = _job_id and p.shard = _shard and p.epoch = _epoch and p.late_key is not null;
  if found then
    perform pgjobs.refuse('PJ409', 'selection', 'job_id',
      format('job %s can''t go on: key %s was selected late, it was never sent and lies behind the last checkpoint', _job_id, _late),
      'mend the selector and insert a new job; the log says which records were sent');
  end if;
  return query
  select p.after_key, p.end_key,
         p.first_key is null or p.round_over,
         p.send_limit - p.sent - p.returned, pg_current_wal_lsn()::text,
         case when p.zone is null then null
              when p.shard = 0 then array(select o.zone from pgjobs.shards o where o.job_id = _job_id and o.shard > 0)
              else array[p.zone] end,
         p.attempt
  from pgjobs.shards p
  where p.job_id = _job_id and p.shard = _shard and p.epoch = _epoch and p.prepared_at is not null;
end;
$$;
comment on function pgjobs.shard_position(bigint, integer, bigint) is
  'Where a prepared shard goes on: behind which key, up to which, how many records may still be sent (null: all), which WAL position a replica must have replayed to know all this, and of which zones (see records_statement()). Refuses (PJ409) where a key came late in an earlier run: going on would pass it over.';
