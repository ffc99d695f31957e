-- Reads: nothing   Writes: nothing
create or replace function pgjobs.entity_faults(_entities jsonb)
returns table (n bigint, field text, wrong text, hint text)
language sql
immutable
set search_path = pg_catalog, pg_temp
as $$
  select f.n, f.fault[1], f.fault[2], f.fault[3]
  from (
    select g.n, case
      when jsonb_typeof(g.e) <> 'object' then array['entity', 'it has to be a JSON object', 'give id, type, tags and attributes']
      when g.e - '{id,type,tags,attributes}'::text[] <> '{}' then array[(select left(min(k), 100) from jsonb_object_keys(g.e - '{id,type,tags,attributes}'::text[]) k), 'there is no such field', 'what else is known of an entity belongs into attributes']
      when jsonb_typeof(g.e -> 'id') is distinct from 'string' or g.e ->> 'id' !~ '[^[:space:]]' then array['id', 'it has to be a text that is not empty', 'give each entity an id']
      when length(g.e ->> 'id') > 200 then array['id', 'it is longer than 200 characters', 'shorten it']
      when g.e ->> 'id' ~ '[[:cntrl:]]' then array['id', 'it has a control character', 'take it out']
      when g.twice then array['id', format('%L is given twice', left(g.e ->> 'id', 100)), 'give each entity once']
      when jsonb_typeof(g.e -> 'type') is distinct from 'string' or g.e ->> 'type' = '' or length(g.e ->> 'type') > 63 or g.e ->> 'type' ~ '[^[:alnum:]_.-]'
        then array['type', 'it has to be a word of letters, digits and . _ -, at most 63', 'write entity.device, say']
      when coalesce(jsonb_typeof(g.e -> 'tags'), 'null') not in ('array', 'null') then array['tags', 'it has to be a list of texts', 'write ["north", "vip"], or leave it out']
      when t.bad is not null then array['tags', format('%s is no tag', left(t.bad, 100)), 'a tag is a text of 1 to 100 characters, at most 100 of them']
      when coalesce(jsonb_typeof(g.e -> 'attributes'), 'null') not in ('object', 'null') then array['attributes', 'it has to be a JSON object', 'write {"model": "X"}, or leave it out']
      when length(g.e ->> 'attributes') > 65536 then array['attributes', 'it is larger than 64 KB', 'leave out what no job asks for']
      when a.bad is not null then array['attributes', a.bad, 'a name is a text of 1 to 200 characters; a dotted one is nested, and names one thing'] end as fault
    from (
      select u.value as e, u.n, row_number() over (partition by u.value ->> 'id' order by u.n) > 1 as twice
      from jsonb_array_elements(_entities) with ordinality u (value, n)) g
    left join lateral (
      select coalesce(min(left(e.value::text, 100)) filter (where jsonb_typeof(e.value) <> 'string' or length(e.value #>> '{}') > 100 or e.value #>> '{}' ~ '[[:cntrl:]]' or e.value #>> '{}' !~ '[^[:space:]]'),
                      case when count(*) > 100 then 'the list of ' || count(*) end) as bad
      -- Nearly every list is short and plain, and is looked at as one text.
      from jsonb_array_elements(case when jsonb_typeof(g.e -> 'tags') <> 'array' or length(g.e ->> 'tags') <= 100 and g.e ->> 'tags' ~ '^\[("[^"\\[:space:]][^"\\]*"(, )?)*\]$'
                                     then '[]' else g.e -> 'tags' end) e (value)) t on true
    left join lateral (
      select case when jsonb_typeof(g.e -> 'attributes') = 'object' and (length(g.e ->> 'attributes') > 200 or g.e ->> 'attributes' ~ '[.\\]|"":')
                  then pgjobs.attribute_fault(g.e -> 'attributes') end as bad) a on true
  ) f
  where f.fault is not null;
$$;
comment on function pgjobs.entity_faults(jsonb) is
  'Which entities of an array can''t be put into the directory: the place of each (from 1), the first field that is wrong, what is wrong with it, and what to do.';
