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
  if jsonb_typeof(_params -> _key) in ('number', 'string') and _text ~ '^[0-9]{1,18}$' then
    return _text::bigint;
  end if;
  perform pgjobs.refuse('PJ400', 'bad_params', _key,
    format('params.%s: %s %s', _key, left((_params -> _key)::text, 100),
      case when jsonb_typeof(_params -> _key) not in ('number', 'string') then 'is not a whole number'
           when _text ~ '^-[0-9]+([.][0-9]+)?$' then 'is negative'
           when _text ~ '^[0-9]{19,}$' then 'has more than 18 digits'
           else 'is not a whole number' end),
    format('give %s as a whole number of %s or more, or leave it out', _key, case _key when 'count' then 'one' else 'zero' end));
end;
$$;
comment on function pgjobs.read_number(jsonb, text) is
  'A whole number of zero or more, given as JSON number or string; null when it is not given; refuses anything else.';
