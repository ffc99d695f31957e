-- Reads: nothing   Writes: nothing
create or replace function pgjobs.page_given_text(_given jsonb, _name text)
returns text
language plpgsql
stable
set search_path = pg_catalog, pg_temp
as $$
declare
  _text constant text := nullif(btrim(_given ->> _name), '');
begin
  if length(_text) > 200 then
    perform pgjobs.refuse('PJ400', 'too_long', _name, format('%s: it has %s characters', _name, length(_text)), 'give 200 at most');
  end if;
  return _text;
end;
$$;
comment on function pgjobs.page_given_text(jsonb, text) is
  'A parameter of the jobs page without blanks around it; null where it is not given or empty. Refuses (PJ400) a long one.';
