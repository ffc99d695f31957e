-- Reads: nothing   Writes: nothing
create or replace function pgjobs.read_number(_params jsonb, _key text)
returns bigint
language plpgsql
stable
set search_path = pg_catalog, pg_temp
as $$
declare
  _text text := btrim(_params ->> _key);
begin
  if _text is null then
    return null;
  end if;
  if jsonb_typeof(_params -> _key) in ('number', 'string') and _text ~ '^\d{1,18}$' then
    return _text::bigint;
  end if;
  perform pgjobs.refuse('PJ400', 'bad_params', _key,
    case when _text ~ '^-\d+$' then format('params.%s: %s is negative', _key, _text)
         else format('params.%s: %s is not a whole number', _key, _params -> _key) end,
    format('give %s as a whole number of zero or more, or leave it out', _key));
end;
$$;
comment on function pgjobs.read_number(jsonb, text) is
  'A whole number of zero or more, given as JSON number or string; null when it is not given; refuses anything else.';
