-- Reads: nothing   Writes: nothing
create or replace function pgjobs.page_given_moment(_given jsonb, _name text)
returns timestamptz
language plpgsql
stable
set search_path = pg_catalog, pg_temp
set timezone = 'UTC'
set datestyle = 'ISO, YMD'
as $$
declare
  _text constant text := pgjobs.page_given_text(_given, _name);
begin
  if _text ~ '^[0-9]{4}-[0-9]{2}-[0-9]{2}([T ][0-9]{2}:[0-9]{2}(:[0-9]{2}(\.[0-9]{1,6})?)?)?( ?(Z|UTC))?$' then
    begin
      return _text::timestamptz;
    exception when data_exception then
      null; -- The sentence below says it.
    end;
  end if;
  if _text is not null then
    perform pgjobs.refuse('PJ400', 'bad_' || _name, _name, format('%s: %L is no moment', _name, left(_text, 100)),
      'give a day or a moment in UTC, as in 2026-11-26 or 2026-11-26 19:30');
  end if;
  return null;
end;
$$;
comment on function pgjobs.page_given_moment(jsonb, text) is
  'A parameter of the jobs page that is a day or a moment in UTC; null where it is not given. Refuses (PJ400) any other text.';
