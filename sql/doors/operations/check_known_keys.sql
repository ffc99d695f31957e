-- Reads: nothing   Writes: nothing
create or replace function pgjobs.check_known_keys(_object jsonb, _field text, _known text[])
returns void
language plpgsql
stable
set search_path = pg_catalog, pg_temp
as $$
declare
  _key text;
begin
  if jsonb_typeof(_object) not in ('object', 'null') then
    perform pgjobs.refuse('PJ400', 'bad_request', _field, format('%s: it has to be a JSON object', _field),
      'it knows ' || array_to_string(_known, ', '));
  end if;
  select k into _key from jsonb_object_keys(nullif(_object, 'null')) k where k <> all (_known) order by k limit 1;
  if found then
    _key := concat_ws('.', nullif(_field, ''), left(_key, 100));
    perform pgjobs.refuse('PJ400', 'forbidden_field', _key, format('%s: there is no such field', _key),
      'leave it out: known are ' || array_to_string(_known, ', '));
  end if;
end;
$$;
comment on function pgjobs.check_known_keys(jsonb, text, text[]) is
  'Refuses (PJ400) what a caller of the operations gives where an object has to be, and a key in it that is not known (forbidden_field). Null, and JSON null, are an object without keys.';
