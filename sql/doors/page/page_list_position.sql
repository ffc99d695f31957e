-- Reads: nothing   Writes: nothing
create or replace function pgjobs.page_list_position(_given jsonb, _name text, _order text)
returns text[]
language plpgsql
stable
set search_path = pg_catalog, pg_temp
set timezone = 'UTC'
set datestyle = 'ISO, YMD'
as $$
declare
  _text constant text := nullif(_given ->> _name, '');
  _parts text[];
begin
  if _text is null or _name = 'before' and _text = 'end' then
    return null;
  end if;
  begin
    _parts := regexp_match(_text, case
      when _order in ('newest', 'oldest') then '^(-?[0-9]{1,19})$'
      when _order = 'next' then '^(-?[0-9]{1,19}),(-?[0-9]{1,5}),(.{1,60})$'
      else '^(-?[0-9]{1,19}),(.{0,60})$' end);
    -- Whether each part can be read.
    perform _parts[1]::bigint;
    if _order in ('created', 'earliest', 'finished', 'started') then
      perform _parts[2]::timestamptz;
    elsif _order = 'next' then
      perform _parts[2]::smallint, _parts[3]::timestamptz;
    end if;
  exception when data_exception then
    _parts := null;
  end;
  if _parts is null then
    perform pgjobs.refuse('PJ400', 'bad_' || _name, _name, format('%s: %L is no place in the order of this list', _name, left(_text, 100)),
      'leave it out to begin with the first page');
  end if;
  return _parts;
end;
$$;
comment on function pgjobs.page_list_position(jsonb, text, text) is
  'Behind or before which job a page of the list begins or ends: its number, and what stands before the number in this order; null where it is not given, or is the end. Refuses (PJ400) what is no such place.';
