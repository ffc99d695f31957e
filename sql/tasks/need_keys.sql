-- Reads: nothing   Writes: nothing
create or replace function pgjobs.need_keys(_object jsonb, _path text, _known text[])
returns void
language plpgsql
stable
set search_path = pg_catalog, pg_temp
as $$
declare
  _key text;
begin
  if jsonb_typeof(_object) is distinct from 'object' then
    perform pgjobs.refuse('PJ400', 'bad_repeating', 'repeating', format('%s: it has to be a JSON object', _path),
      case when _known = '{}' then 'write {}' else 'give an object with ' || array_to_string(_known, ', ') end, 'pgjobs.tasks');
  end if;
  select k into _key from jsonb_object_keys(_object) k where k <> all (_known) order by k limit 1;
  if found then
    perform pgjobs.refuse('PJ400', 'bad_repeating', 'repeating', format('%s.%s: there is no such key', _path, left(_key, 100)),
      case when _known = '{}' then 'write {}' else 'the keys are ' || array_to_string(_known, ', ') end, 'pgjobs.tasks');
  end if;
end;
$$;
comment on function pgjobs.need_keys(jsonb, text, text[]) is
  'Refuses a part of a task''s repetition that is no object or has a key that is not known; the sentence names the path to it.';
