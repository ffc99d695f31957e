-- Reads: nothing   Writes: nothing
create or replace function pgjobs.read_flag(_params jsonb, _key text)
returns boolean
language plpgsql
stable
set search_path = pg_catalog, pg_temp
as $$
declare
  _text text := lower(btrim(_params ->> _key));
begin
  if _text is null then
    return false;
  end if;
  if jsonb_typeof(_params -> _key) in ('number', 'string', 'boolean') and _text in ('1', 'true') then
    return true;
  end if;
  if jsonb_typeof(_params -> _key) in ('number', 'string', 'boolean') and _text in ('0', 'false') then
    return false;
  end if;
  perform pgjobs.refuse('PJ400', 'bad_params', _key,
    format('params.%s: %s is neither true nor false', _key, left((_params -> _key)::text, 100)),
    format('give %s as true, false, 1 or 0, or leave it out', _key));
end;
$$;
comment on function pgjobs.read_flag(jsonb, text) is
  'A yes or no, given as boolean, 1, 0 or their strings; false when it is not given; refuses anything else.';
