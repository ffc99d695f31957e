-- Reads: nothing   Writes: entities
create or replace function pgjobs.put_entities(_entities jsonb, _lines bigint[] default null)
returns jsonb
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
-- Each entity is looked up by its id, whatever the statistics say, which are those of before the load.
set enable_hashjoin = off
set enable_mergejoin = off
set enable_seqscan = off
as $$
declare
  _fault record;
  _place text;
  _told bigint;
  _before bigint;
  _inserted bigint;
begin
  if jsonb_typeof(_entities) is distinct from 'array' then
    perform pgjobs.refuse('PJ400', 'bad_entity', 'entities', 'entities: it has to be a JSON array', 'give objects with id, type, tags and attributes', 'pgjobs.entities');
  end if;
  select f.n, f.field, f.wrong, f.hint into _fault from pgjobs.entity_faults(_entities) f order by f.n limit 1;
  if found then
    _place := case when _lines is null then format('entities[%s]', _fault.n - 1) else format('line %s', _lines[_fault.n]) end;
    perform pgjobs.refuse('PJ400', 'bad_entity', _fault.field, format('%s: %s: %s', _place, _fault.field, _fault.wrong), _fault.hint, 'pgjobs.entities');
  end if;
  if _lines is not null then
    -- What the same transaction has written before stood in the same file.
    select e.id, g.n into _fault
    from jsonb_array_elements(_entities) with ordinality g (value, n)
    join pgjobs.entities e on e.id = g.value ->> 'id'
    where e.xmin::text = (pg_current_xact_id()::xid)::text
    order by g.n
    limit 1;
    if found then
      perform pgjobs.refuse('PJ400', 'bad_entity', 'id', format('line %s: id: %L stands in the file before', _lines[_fault.n], left(_fault.id, 100)),
        'give each entity once', 'pgjobs.entities');
    end if;
  end if;
  with given as materialized (
    select g.value ->> 'id' as id, g.value ->> 'type' as type,
           coalesce((select array_agg(t.tag order by t.n) from (
             select u.tag, min(u.n) as n from jsonb_array_elements_text(nullif(g.value -> 'tags', 'null')) with ordinality u (tag, n) group by u.tag) t), '{}') as tags,
           case when strpos(g.value ->> 'attributes', '.') > 0 then pgjobs.nested_attributes(g.value -> 'attributes')
                else coalesce(nullif(g.value -> 'attributes', 'null'), '{}') end as attributes
    from jsonb_array_elements(_entities) g (value)
  ), known as (
    select count(*) as n from given g join pgjobs.entities e on e.id = g.id
  ), written as (
    insert into pgjobs.entities as e (id, type, tags, attributes)
    select g.id, g.type, g.tags, g.attributes from given g
    order by g.id
    on conflict (id) do update set type = excluded.type, tags = excluded.tags, attributes = excluded.attributes
    where (e.type, e.tags, e.attributes) is distinct from (excluded.type, excluded.tags, excluded.attributes)
    returning 1
  )
  select (select count(*) from written), (select k.n from known k), jsonb_array_length(_entities) - (select k.n from known k)
  into _told, _before, _inserted;
  return jsonb_build_object('inserted', _inserted, 'updated', greatest(_told - _inserted, 0), 'unchanged', jsonb_array_length(_entities) - _told);
end;
$$;
comment on function pgjobs.put_entities(jsonb, bigint[]) is
  'Puts entities into the directory, as many as the array has: each takes the place of the one with its id, or is a new one; how many were inserted, updated, and unchanged. [{"id", "type", "tags": [], "attributes": {}}]; a dotted name of an attribute is nested. Refuses (PJ400) the whole array where one of them is wrong, naming the first one and its field; _lines: the lines of a file on which they stand, whose entities are then given once in a transaction.';
