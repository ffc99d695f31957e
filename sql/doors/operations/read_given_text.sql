-- Reads: nothing   Writes: nothing
create or replace function pgjobs.read_given_text(_value jsonb, _field text, _most integer)
returns text
language plpgsql
stable
set search_path = pg_catalog, pg_temp
as $$
begin
  if coalesce(_value, 'null') = 'null' then
    return null;
  end if;
  if jsonb_typeof(_value) <> 'string' then
    perform pgjobs.refuse('PJ400', 'bad_request', _field, format('%s: %s is no text', _field, left(_value::text, 100)), 'write it in quotes');
  elsif length(_value #>> '{}') > _most then
    perform pgjobs.refuse('PJ400', 'bad_request', _field, format('%s: it has %s characters', _field, length(_value #>> '{}')),
      format('give %s at most', _most));
  end if;
  return _value #>> '{}';
end;
$$;
comment on function pgjobs.read_given_text(jsonb, text, integer) is
  'A text of at most so many characters; null where it is not given. Refuses (PJ400) anything else.';
