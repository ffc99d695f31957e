-- Reads: nothing   Writes: nothing
create or replace function pgjobs.read_window(_window jsonb, _zone text default null)
returns pgjobs.window_parts
language sql
stable
as $$
  select row(
    coalesce((
      select bit_or(1 << (strpos('MONTUEWEDTHUFRISATSUN', d) - 1) / 3) from jsonb_array_elements_text(_window -> 'days') d), 127),
    substring(_window ->> 'start' from '^[0-9:]+')::time,
    substring(_window ->> 'stop' from '^[0-9:]+')::time,
    pgjobs.zone_name(coalesce(_zone, _window ->> 'zone', substring(_window ->> 'start' from '(?:Z|[+-][0-9:]+)$'), 'UTC')),
    _window ->> 'holidays')::pgjobs.window_parts
$$;
comment on function pgjobs.read_window(jsonb, text) is
  'A window of a schedule, which pgjobs.check_window() has let pass, as typed parts. days: one bit for each weekday, Monday is 1. _zone takes the place of the window''s own one.';
