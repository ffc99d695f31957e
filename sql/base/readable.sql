-- Reads: nothing   Writes: nothing
create or replace function pgjobs.readable(_bytes bytea)
returns text
language plpgsql
immutable
set search_path = pg_catalog, pg_temp
as $$
begin
  return convert_from(_bytes, 'UTF8');
exception when character_not_in_repertoire or untranslatable_character then
  return encode(_bytes, 'escape');
end;
$$;
comment on function pgjobs.readable(bytea) is 'Bytes as text: UTF-8 as it is, and anything else with escapes.';
