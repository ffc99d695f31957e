-- Reads: nothing   Writes: nothing
create or replace function pgjobs.read_given_flag(_value jsonb, _field text)
returns boolean
language plpgsql
stable
set search_path = pg_catalog, pg_temp
as $$
begin
  if coalesce(_value, 'null') = 'null' then
    return null;
  end if;
  if lower(_value #>> '{}') in ('true', 'false') then
    return (_value #>> '{}')::boolean;
  end if;
  perform pgjobs.refuse('PJ400', 'bad_request', _field, format('%s: %s is neither true nor false', _field, left(_value::text, 100)),
    'write true or false');
end;
$$;
comment on function pgjobs.read_given_flag(jsonb, text) is
  'A yes or no, given as boolean or as its string; null where it is not given. Refuses (PJ400) anything else.';
