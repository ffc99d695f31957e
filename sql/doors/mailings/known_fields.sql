-- Reads: nothing   Writes: nothing
create or replace function pgjobs.known_fields(_given jsonb, _known text[], _needed text[], _id bigint default null)
returns void
language plpgsql
stable
set search_path = pg_catalog, pg_temp
as $$
declare
  _name text;
begin
  select k into _name from jsonb_object_keys(_given) k where k <> all (_known) and (k <> 'id' or _id is null) order by k limit 1;
  if found then
    perform pgjobs.refuse('PJ400', 'unknown_field', left(_name, 100), format('%s: there is no such field', left(_name, 100)),
      'the fields are ' || array_to_string(_known, ', '), '');
  end if;
  if _given ? 'id' and _given ->> 'id' is distinct from _id::text then
    perform pgjobs.refuse('PJ400', 'bad_id', 'id', format('id: it is %s here, and %s in the path', left(_given ->> 'id', 100), _id), 'give the same one, or leave it out', '');
  end if;
  foreach _name in array _needed loop
    if _given ->> _name is null then
      perform pgjobs.refuse('PJ400', 'missing_' || _name, _name, format('%s: it is missing', _name), 'this field is needed', '');
    end if;
  end loop;
end;
$$;
comment on function pgjobs.known_fields(jsonb, text[], text[], bigint) is
  'Refuses (PJ400) what a caller has given where it has an unknown field, lacks a needed one, or has another id than the thing it is about; null: it is to be made, and has none.';
