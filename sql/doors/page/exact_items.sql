-- Reads: items, entities   Writes: nothing
create or replace function pgjobs.exact_items(_id bigint, _named text)
returns jsonb
language sql
stable
set search_path = pg_catalog, pg_temp
as $$
  select coalesce(jsonb_agg(distinct i.key::text), '[]')
  from (
    -- An entity of the directory; the correlation id of an item, or the id of a message; a key.
    select e.number as key from pgjobs.entities e where e.id = _named
    union all
    select m.key from pgjobs.item_of(_named) m where m.job_id = _id
    union all
    select m.key from pgjobs.item_of(_id || '-' || _named) m where m.attempt is null) k
  cross join lateral (select s.key from pgjobs.items s where s.job_id = _id and s.key = k.key offset 0) i;
$$;
comment on function pgjobs.exact_items(bigint, text) is
  'Keys of items of a job, as a JSON array of texts, that somebody may mean by a text: an id in the directory, a correlation id or message id, or the key itself. Found by indexes, however many items there are.';
