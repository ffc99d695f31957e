-- Reads: nothing   Writes: nothing
create or replace function pgjobs.item_parameters(_body bytea)
returns text
language plpgsql
immutable
set search_path = pg_catalog, pg_temp
as $$
declare
  _text constant text := pgjobs.readable(_body);
  _read jsonb;
begin
  if _text !~ '^\s*\{\s*"operation"' then
    return _text;
  end if;
  _read := _text::jsonb #> '{operation,request,parameters}';
  return coalesce(_read::text, _text);
exception when data_exception or feature_not_supported or program_limit_exceeded or statement_too_complex then
  return _text;
end;
$$;
comment on function pgjobs.item_parameters(bytea) is
  'The parameters of an item, by what its message carries: of an operation those of its request, else all of it as text. Null: nothing is kept.';
