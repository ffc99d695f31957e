-- Reads: xmp_jobs, xmp_job_types, what the selector reads   Writes: nothing
create or replace function pgjobs.zones_of(_job_id bigint)
returns text[]
language plpgsql
stable
set search_path = pg_catalog, pg_temp
set timezone = 'UTC'
as $$
declare
  _most constant integer := 64;
  _selector text;
  _zones text[];
begin
  select t.selector into strict _selector
  from public.xmp_jobs j join public.xmp_job_types t on t.name = j.type::text
  where j.id = _job_id;
  execute format('select array_agg(d.zone order by d.zone) from ('
    '  select z.zone from (select distinct f.zone::text collate "C" from %s($1) f) z where z.zone <> ''UTC'' and pgjobs.is_zone(z.zone) limit %s) d',
    pgjobs.trusted_selector(_selector || '_zones', '{bigint}'), _most) into _zones using _job_id;
  if cardinality(_zones) = _most then
    perform pgjobs.refuse('PJ400', 'selection', 'schedule.local_time',
      format('schedule.local_time: the records have more than %s zones', _most),
      'insert several jobs, each with records of fewer zones, or leave local_time out');
  end if;
  return 'UTC'::text || coalesce(_zones, '{}');
end;
$$;
comment on function pgjobs.zones_of(bigint) is
  'The zones by which a job with local_time is cut into shards: UTC, which counts for every record without one of the others, and all other zones that its selector names; 64 at most.';
