-- Reads: nothing   Writes: nothing
create or replace function pgjobs.item_words(_status "char" default null)
returns table (status "char", page text, plain text)
language sql
immutable
rows 8
set search_path = pg_catalog, pg_temp
as $$
  select w.status::"char", w.page, w.plain
  from (values
    ('w', 'Waiting',  'waits for its first attempt'),
    ('r', 'Waiting',  'waits for its next attempt'),
    ('l', 'Started',  'was sent, and no answer has come yet'),
    ('s', 'Finished', 'was closed by a good answer'),
    ('f', 'Error',    'was closed by an answer that was not good'),
    ('x', 'Error',    'was refused, so it was never sent'),
    ('t', 'Fail',     'was closed by time'),
    ('c', 'Stopped',  'was cancelled')) w (status, page, plain)
  where _status is null or w.status = _status::text;
$$;
comment on function pgjobs.item_words("char") is
  'What the jobs page calls the status of an item (of every one: null): the word of the page, of which one may stand for two, and what is so of the item, as a sentence goes on after ''it''.';
