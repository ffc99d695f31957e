-- Reads: holidays, the time zone data of PostgreSQL   Writes: nothing
create or replace function pgjobs.check_schedule(_schedule jsonb, _table text default 'public.xmp_jobs')
returns void
language plpgsql
stable
set search_path = pg_catalog, pg_temp
as $$
declare
  _windows constant jsonb := _schedule -> 'window';
  _misfire constant jsonb := _schedule -> 'misfire';
  _scattering constant jsonb := _schedule -> 'scattering';
  _both constant text := 'give max_spread and factor, each a number from 0 to 100';
begin
  -- Nearly every job has none.
  if _schedule = '{}' then
    return;
  end if;
  if length(_schedule::text) > 65536 then
    perform pgjobs.refuse_field('schedule', 'it is larger than 64 KB', 'leave out what the job does not need', _table);
  end if;
  perform pgjobs.check_keys(_schedule, 'schedule', '{local_time,misfire,scattering,stop_after,window}', _table);
  if jsonb_typeof(_windows) = 'array' then
    if jsonb_array_length(_windows) not between 1 and 50 then
      perform pgjobs.refuse_field('schedule.window', format('the list has %s windows', jsonb_array_length(_windows)),
        'give 1 to 50 windows, or leave it out where records may go out at any time', _table);
    end if;
    perform pgjobs.check_window(w.value, format('schedule.window[%s]', w.n - 1), _table)
    from jsonb_array_elements(_windows) with ordinality w (value, n);
  elsif _windows is not null then
    perform pgjobs.check_window(_windows, 'schedule.window', _table);
  end if;
  -- Only holidays keep a window closed for so long.
  if jsonb_path_exists(_windows, '$[*].holidays')
     and not exists (select from pgjobs.window_at(_windows, pgjobs.now()) w where w.open or w.until is not null) then
    perform pgjobs.refuse_field('schedule.window', 'it does not open for 400 days, because each of its days is a holiday',
      'give it other days, or leave out the holidays', _table);
  end if;
  if _schedule ? 'stop_after' then
    perform pgjobs.check_interval(_schedule -> 'stop_after', 'schedule.stop_after', _table);
  end if;
  if jsonb_typeof(_misfire) = 'object' then
    perform pgjobs.check_keys(_misfire, 'schedule.misfire', '{run_if_within}', _table);
    perform pgjobs.check_interval(_misfire -> 'run_if_within', 'schedule.misfire.run_if_within', _table);
    if (_misfire ->> 'run_if_within')::interval < interval '10 minutes' then
      perform pgjobs.refuse_field('schedule.misfire.run_if_within', left(_misfire ->> 'run_if_within', 100) || ' is less than ten minutes, and until then no job is late',
        'give ten minutes or more', _table);
    end if;
  elsif _misfire not in ('"run"', '"skip"') then
    perform pgjobs.refuse_field('schedule.misfire', left(_misfire::text, 100) || ' is not known',
      'write "run", "skip" or {"run_if_within": "30 min"}', _table);
  end if;
  if jsonb_typeof(_schedule -> 'local_time') <> 'boolean' then
    perform pgjobs.refuse_field('schedule.local_time', left((_schedule -> 'local_time')::text, 100) || ' is neither true nor false',
      'write true where the window counts in the zone of each recipient, or leave it out', _table);
  end if;
  if _scattering is not null then
    perform pgjobs.check_keys(_scattering, 'schedule.scattering', '{factor,field,max_spread,warning_max_rate}', _table);
    perform pgjobs.check_number(_scattering -> 'max_spread', 'schedule.scattering.max_spread', 0, 100, false, _both, _table);
    perform pgjobs.check_number(_scattering -> 'factor', 'schedule.scattering.factor', 0, 100, false, _both, _table);
    if _scattering ? 'field' then
      perform pgjobs.refuse_field('schedule.scattering.field', 'records are not grouped',
        'leave it out: the records are spread in the order of their keys', _table);
    end if;
    if _scattering ? 'warning_max_rate' then
      perform pgjobs.check_number(_scattering -> 'warning_max_rate', 'schedule.scattering.warning_max_rate', 0.001, 1000000, false,
        'give records per second, or leave it out', _table);
    end if;
  end if;
end;
$$;
comment on function pgjobs.check_schedule(jsonb, text) is
  'Refuses a schedule that is wrong in any key, with the path of the key as field (schedule.window.zone, in a list schedule.window[1].zone) and the remedy. _table says whose column it is.';
