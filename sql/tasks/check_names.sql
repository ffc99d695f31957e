-- Reads: nothing   Writes: nothing
create or replace function pgjobs.check_names(_list jsonb, _field text, _known text[], _table text)
returns void
language plpgsql
stable
set search_path = pg_catalog, pg_temp
as $$
declare
  _hint constant text := 'write one or more of ' || array_to_string(_known, ', ');
  _wrong text;
begin
  if _list is null or _list = '[null]' then
    perform pgjobs.refuse_field(_field, 'it is missing', _hint, _table);
  end if;
  if jsonb_typeof(_list) <> 'array' or _list = '[]' then
    perform pgjobs.refuse_field(_field, left(_list::text, 100) || ' is not a list of names', _hint, _table);
  end if;
  select left(e::text, 100) into _wrong from jsonb_array_elements(_list) e where not e <@ to_jsonb(_known) or jsonb_typeof(e) <> 'string' limit 1;
  if found then
    perform pgjobs.refuse_field(_field, _wrong || ' is not one of its names', _hint, _table);
  end if;
end;
$$;
comment on function pgjobs.check_names(jsonb, text, text[], text) is
  'Refuses what is not a list of one or more of these names, or has another one in it.';
