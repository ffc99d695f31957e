-- Reads: nothing   Writes: nothing
create or replace function pgjobs.read_whole(_value jsonb, _field text, _least bigint, _most bigint)
returns bigint
language plpgsql
stable
set search_path = pg_catalog, pg_temp
as $$
declare
  _number numeric;
begin
  if coalesce(_value, 'null') = 'null' then
    return null;
  end if;
  if jsonb_typeof(_value) in ('number', 'string') and _value #>> '{}' ~ '^ *[0-9]{1,18}([.]0+)? *$' then
    _number := (_value #>> '{}')::numeric;
  end if;
  if _number between _least and _most then
    return _number;
  end if;
  perform pgjobs.refuse('PJ400', 'bad_request', _field,
    format('%s: %s is no whole number from %s to %s', _field, left(_value::text, 100), _least, _most), 'give a number in this range');
end;
$$;
comment on function pgjobs.read_whole(jsonb, text, bigint, bigint) is
  'A whole number in this range, given as a number or as its string; null where it is not given. Refuses (PJ400) anything else.';
