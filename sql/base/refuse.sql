-- Reads: nothing   Writes: nothing
create or replace function pgjobs.refuse(
  _state text, _code text, _field text, _sentence text, _hint text, _table text default 'public.xmp_jobs')
returns void
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
as $$
begin
  raise exception using
    errcode = _state, message = _sentence, detail = format('code %s, field %s', _code, _field), hint = _hint,
    constraint = _code, column = _field, schema = split_part(_table, '.', 1), table = split_part(_table, '.', 2);
end;
$$;
comment on function pgjobs.refuse(text, text, text, text, text, text) is
  'Refuses with an own SQLSTATE whose last three digits are the HTTP status; the machine code travels as the constraint name, the field as the column name, the table as schema and table name.';
