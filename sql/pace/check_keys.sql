-- Reads: nothing   Writes: nothing
create or replace function pgjobs.check_keys(_object jsonb, _field text, _known text[], _table text)
returns void
language plpgsql
stable
set search_path = pg_catalog, pg_temp
as $$
declare
  _key text;
  _hint constant text := 'it knows ' || array_to_string(_known, ', ');
begin
  if jsonb_typeof(_object) is distinct from 'object' then
    perform pgjobs.refuse_field(_field, 'it has to be a JSON object', _hint, _table);
  end if;
  select k into _key from jsonb_object_keys(_object) k where k <> all (_known) order by k limit 1;
  if found then
    perform pgjobs.refuse_field(format('%s.%s', _field, left(_key, 100)), 'there is no such key', _hint, _table);
  end if;
  select e.key into _key from jsonb_each(_object) e where pgjobs.is_blank(e.value) order by e.key limit 1;
  if found then
    perform pgjobs.refuse_field(format('%s.%s', _field, _key), 'it is empty', 'give it a value, or leave it out', _table);
  end if;
end;
$$;
comment on function pgjobs.check_keys(jsonb, text, text[], text) is
  'Refuses what is no JSON object, a key that is not one of the known ones, and a key without a value.';
