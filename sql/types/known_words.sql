-- Reads: pg_attribute, pg_enum   Writes: nothing
create or replace function pgjobs.known_words(_table regclass, _column name, _words text[])
returns text
language sql
stable
set search_path = pg_catalog, pg_temp
as $$
  select string_agg(quote_literal(w.word), ', ' order by w.place)
  from pg_attribute a
  join pg_type t on t.oid = a.atttypid
  cross join unnest(_words) with ordinality w (word, place)
  where a.attrelid = _table and a.attname = _column
    and (t.typtype <> 'e' or exists (select from pg_enum e where e.enumtypid = t.oid and e.enumlabel = w.word));
$$;
comment on function pgjobs.known_words(regclass, name, text[]) is
  'Those of the words that a column can hold, as literals: all, unless its type is an enum that lacks some; null where it can hold none.';
