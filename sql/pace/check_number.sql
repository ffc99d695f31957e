-- Reads: nothing   Writes: nothing
create or replace function pgjobs.check_number(_value jsonb, _field text, _least numeric, _most numeric, _whole boolean, _hint text, _table text)
returns void
language plpgsql
stable
set search_path = pg_catalog, pg_temp
as $$
declare
  _number numeric;
begin
  if _value is null then
    perform pgjobs.refuse_field(_field, 'it is missing', _hint, _table);
  end if;
  if jsonb_typeof(_value) = 'number' then
    _number := _value::numeric;
  end if;
  if _number between _least and _most and not (_whole and _number <> trunc(_number)) then
    return;
  end if;
  perform pgjobs.refuse_field(_field, format('%s is not a %s from %s to %s', left(_value::text, 100),
    case when _whole then 'whole number' else 'number' end, _least, _most), _hint, _table);
end;
$$;
comment on function pgjobs.check_number(jsonb, text, numeric, numeric, boolean, text, text) is
  'Refuses what is no JSON number in this range, or not a whole one where it has to be; null as missing.';
