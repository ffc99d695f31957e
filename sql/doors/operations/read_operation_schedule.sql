-- Reads: holidays, the time zone data of PostgreSQL   Writes: nothing
create or replace function pgjobs.read_operation_schedule(_schedule jsonb)
returns jsonb
language plpgsql
stable
set search_path = pg_catalog, pg_temp
as $$
declare
  _read jsonb := '{}';
  _window jsonb := nullif(_schedule -> 'window', 'null');
  _scattering constant jsonb := nullif(_schedule -> 'scattering', 'null');
  _strategy constant jsonb := nullif(_scattering -> 'strategy', 'null');
  _both constant text := 'give scattering.maxSpread and scattering.strategy.factor, each a number from 0 to 100';
  _rate numeric;
begin
  perform pgjobs.check_known_keys(_schedule, 'schedule', '{start,stop,scattering,window}');
  if _window is not null then
    if _window -> 'days' = 'null' then
      _window := _window - 'days';
    end if;
    perform pgjobs.check_window(_window, 'schedule.window', 'public.xmp_jobs');
    _read := jsonb_build_object('window', _window);
  end if;
  if _scattering is not null then
    perform pgjobs.check_known_keys(_scattering, 'schedule.scattering', '{maxSpread,strategy}');
    perform pgjobs.check_known_keys(_strategy, 'schedule.scattering.strategy', '{factor,field,warningMaxRate}');
    perform pgjobs.check_number(pgjobs.number_of(_scattering -> 'maxSpread'), 'schedule.scattering.maxSpread', 0, 100, false, _both, 'public.xmp_jobs');
    perform pgjobs.check_number(pgjobs.number_of(_strategy -> 'factor'), 'schedule.scattering.strategy.factor', 0, 100, false, _both, 'public.xmp_jobs');
    if coalesce(_strategy -> 'warningMaxRate', 'null') <> 'null' then
      perform pgjobs.check_number(pgjobs.number_of(_strategy -> 'warningMaxRate'), 'schedule.scattering.strategy.warningMaxRate', 0.001, 1000000, false,
        'give operations per second, or leave it out', 'public.xmp_jobs');
      _rate := pgjobs.number_of(_strategy -> 'warningMaxRate');
    end if;
    perform pgjobs.read_given_text(_strategy -> 'field', 'schedule.scattering.strategy.field', 200);
    if coalesce(_schedule -> 'stop', 'null') in ('null', '{}') then
      perform pgjobs.refuse('PJ400', 'bad_request', 'schedule.scattering', 'schedule.scattering: there is no schedule.stop, so there is no time to spread over',
        'give schedule.stop, or leave scattering out');
    end if;
    _read := _read || jsonb_build_object('scattering', jsonb_strip_nulls(jsonb_build_object('max_spread', pgjobs.number_of(_scattering -> 'maxSpread'),
      'factor', pgjobs.number_of(_strategy -> 'factor'), 'warning_max_rate', _rate)));
  end if;
  return _read;
end;
$$;
comment on function pgjobs.read_operation_schedule(jsonb) is
  'window and scattering of a request as the column schedule of a job has them; start and stop are read by functions of their own. Refuses (PJ400) what can''t be right.';
