-- Reads: xmp_jobs, xmp_job_types, shards, what the selector reads   Writes: nothing
create or replace function pgjobs.measure_selection(_job_id bigint)
returns table (start_key bigint, first_key bigint, end_key bigint, send_limit bigint, estimate bigint, cuts bigint[], zones text[])
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
set timezone = 'UTC'
set enable_hashjoin = off
set enable_mergejoin = off
set enable_sort = off
as $$
declare
  -- Planning the statement would take longer than sending so many records.
  _few constant bigint := 1000;
  _params pgjobs.job_params;
  _parts integer;
  _schedule jsonb;
  _bounds record;
  _tracked constant boolean := exists (select from pgjobs.shards p where p.job_id = _job_id and p.attempt is not null);
  _start bigint;
  _before_first bigint;
  _records bigint;
  _total bigint;
  _cuts bigint[];
begin
  select p.* into strict _params from public.xmp_jobs j cross join pgjobs.read_params(j.type::text, j.params) p where j.id = _job_id;
  select coalesce(j.shards, 1), t.schedule || j.schedule into _parts, _schedule
  from public.xmp_jobs j left join public.xmp_job_types t on t.name = j.type::text where j.id = _job_id;
  select * into _bounds from pgjobs.selection_bounds(_job_id, _parts > 1);
  _start := _bounds.start_key;
  _before_first := case when _params.descending then nullif(_bounds.first_key, 9223372036854775807) + 1
                        else nullif(_bounds.first_key, -9223372036854775808) - 1 end;
  if _bounds.first_key is not null and _start is null and _params."offset" > 0 and not _tracked then
    execute format('select s.key from (%s) s where s.code is null offset %s limit 1',
                   pgjobs.records_statement(_job_id, 0, _before_first, _bounds.end_key), _params."offset" - 1)
      into _start;
    _start := coalesce(_start, _bounds.end_key);
  end if;
  if _bounds.send_limit <= _few then
    _records := _bounds.send_limit;
  elsif _bounds.first_key is not null then
    _records := pgjobs.estimate_records(_job_id, coalesce(_start, _before_first), _bounds.end_key);
  end if;
  -- How many may still be sent is counted by one shard: a job with a limit is one part.
  if _bounds.send_limit is not null then
    _parts := 1;
  end if;
  -- What the offset passes over is not considered.
  _total := case when _start is not distinct from _bounds.start_key then _bounds.total end;
  -- Spread evenly, what is guessed at would be through too early or too late.
  if _schedule ? 'scattering' and _bounds.first_key is not null and _total is null then
    execute format('select count(*) from (%s) s', pgjobs.records_statement(_job_id, 0, coalesce(_start, _before_first), _bounds.end_key)) into _total;
  end if;
  if _schedule -> 'local_time' = 'true' and _bounds.first_key is not null then
    if _bounds.send_limit is not null then
      perform pgjobs.refuse('PJ400', 'selection', 'schedule.local_time',
        'schedule.local_time: a job with count can''t be cut by the zones of its records', 'leave out count or local_time');
    end if;
    _parts := 1;
    if _tracked then
      select r.zones, r.cuts into zones, _cuts from pgjobs.zone_ranges_of(_job_id) r;
    else
      zones := pgjobs.zones_of(_job_id);
    end if;
  end if;
  return query
  select _start, _bounds.first_key, _bounds.end_key, _bounds.send_limit,
         least(coalesce(_total, _records, 0), _bounds.send_limit),
         coalesce(_cuts, pgjobs.cut_selection(_job_id, coalesce(_start, _before_first), _bounds.first_key, _bounds.end_key, _bounds.total, _records, _bounds.sample, _parts)),
         zones;
end;
$$;
comment on function pgjobs.measure_selection(bigint) is
  'Where the selection of a job begins and ends as it is now, and at which keys, or into which zones, it is cut into shards: the offset becomes the key behind which it starts. May read for a long time, so it locks nothing and is to be called in a READ ONLY transaction with one snapshot; prepare_job() stores what it finds.';
