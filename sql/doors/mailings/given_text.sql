-- Reads: nothing   Writes: nothing
create or replace function pgjobs.given_text(_given jsonb, _name text, _most integer, _lines boolean default false)
returns text
language plpgsql
stable
set search_path = pg_catalog, pg_temp
as $$
declare
  _text constant text := _given ->> _name;
begin
  if _text is null then
    return null;
  end if;
  if jsonb_typeof(_given -> _name) <> 'string' then
    perform pgjobs.refuse('PJ400', 'bad_' || _name, _name, format('%s: it has to be a text', _name), format('write it in quotes: {"%s": "..."}', _name), '');
  end if;
  -- By their codes: what else counts as blank or control character depends on the collation.
  if _text !~ '[^\u0001-\u0020\u007f]' then
    perform pgjobs.refuse('PJ400', 'bad_' || _name, _name, format('%s: it is empty', _name), 'give a text, or leave it out where it is not needed', '');
  end if;
  if length(_text) > _most then
    perform pgjobs.refuse('PJ400', 'bad_' || _name, _name, format('%s: it has %s characters', _name, length(_text)), format('give at most %s', _most), '');
  end if;
  if _text ~ (case when _lines then '[\u0001-\u0008\u000b\u000c\u000e-\u001f\u007f]' else '[\u0001-\u001f\u007f]' end) then
    perform pgjobs.refuse('PJ400', 'bad_' || _name, _name, format('%s: it has a control character', _name), 'take it out', '');
  end if;
  return case when _lines then _text else btrim(_text) end;
end;
$$;
comment on function pgjobs.given_text(jsonb, text, integer, boolean) is
  'A text that a caller has given under this name; null where it is left out or null. Refuses (PJ400) what is empty, longer than so many characters, or has control characters; without the blanks around it. _lines: it may have line breaks and tabs, and stays as it is.';
