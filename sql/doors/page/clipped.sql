-- Reads: nothing   Writes: nothing
create or replace function pgjobs.clipped(_text text, _most integer)
returns text
language sql
immutable
as $$
  -- Without a search_path of its own it becomes a part of the statement that calls it.
  select case when length(_text) > _most
    then concat(left(_text, _most), '... (', replace(to_char(length(_text), 'FM999,999,999,999'), ',', ' '), ' characters)') else _text end;
$$;
comment on function pgjobs.clipped(text, integer) is
  'A text as a page for people shows it: what has more characters is cut behind so many, and its length is said.';
