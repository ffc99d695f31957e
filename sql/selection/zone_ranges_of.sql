-- Reads: xmp_jobs, xmp_job_types, what the selector reads   Writes: nothing
create or replace function pgjobs.zone_ranges_of(_job_id bigint, out zones text[], out cuts bigint[])
language plpgsql
stable
set search_path = pg_catalog, pg_temp
set timezone = 'UTC'
as $$
declare
  _most constant integer := 64;
  _selector text;
  _odd text;
begin
  select t.selector into strict _selector
  from public.xmp_jobs j join public.xmp_job_types t on t.name = j.type::text
  where j.id = _job_id;
  execute format('select array_agg(r.zone::text order by r.last_key), array_agg(r.last_key order by r.last_key) from %s($1) r',
                 pgjobs.trusted_selector(_selector || '_zone_ranges', '{bigint}')) into zones, cuts using _job_id;
  select coalesce(z, 'null') into _odd from unnest(zones) z where pgjobs.is_zone(z) is not true limit 1;
  if found then
    perform pgjobs.refuse('PJ400', 'selection', 'schedule.local_time',
      format('schedule.local_time: %s_zone_ranges gives %L, which is no zone', _selector, left(_odd, 100)), 'mend it, then resume the job');
  end if;
  if cardinality(zones) > _most then
    perform pgjobs.refuse('PJ400', 'selection', 'schedule.local_time',
      format('schedule.local_time: the records have more than %s zones', _most),
      'insert several jobs, each with records of fewer zones, or leave local_time out');
  end if;
  cuts := cuts[:cardinality(cuts) - 1];
end;
$$;
comment on function pgjobs.zone_ranges_of(bigint) is
  'The zones by which a tracked job with local_time is cut into shards, 64 at most, in the order of its keys, and the last keys of all but the last of them. Null: it has no records.';
