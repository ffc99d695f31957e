-- Reads: nothing   Writes: nothing
create or replace function pgjobs.page_given_number(_given jsonb, _name text, _of text)
returns bigint
language plpgsql
stable
set search_path = pg_catalog, pg_temp
as $$
declare
  _text constant text := pgjobs.page_given_text(_given, _name);
begin
  if _text !~ '^[0-9]{1,18}$' then
    perform pgjobs.refuse('PJ400', 'bad_' || _name, _name, format('%s: %L is no number of a %s', _name, left(_text, 100), _of),
      format('give the number of a %s, as in 7', _of));
  end if;
  return _text::bigint;
end;
$$;
comment on function pgjobs.page_given_number(jsonb, text, text) is
  'A parameter of the jobs page that is the number of something; null where it is not given. Refuses (PJ400) any other text.';
