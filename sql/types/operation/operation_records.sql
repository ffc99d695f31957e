-- Reads: xmp_jobs   Writes: nothing
create or replace function pgjobs.operation_records(_job bigint, _shard integer, _after_key bigint, _end_key bigint)
returns text
language plpgsql
stable
set search_path = pg_catalog, pg_temp
as $$
declare
  _row public.xmp_jobs;
  _parts record;
  _ids text[];
  _own jsonb;
  _tags text[];
begin
  select * into strict _row from public.xmp_jobs j where j.id = _job;
  select * into _parts from pgjobs.operation_parts(_row);
  if _row.params ? 'entities' then
    select array_agg(t.id), jsonb_object_agg(t.id, t.parameters) filter (where t.parameters is not null) into _ids, _own
    from pgjobs.targets_of(_row.params -> 'entities', 'params.entities') t;
  end if;
  if _row.params ? 'tags' then
    _tags := array(select jsonb_array_elements_text(_row.params -> 'tags'));
  end if;
  return format(
    'select e.number as key, e.id as target, null::text as code, null::text as detail, pgjobs.operation_body(%s, e.number, %L, %s, %s) as body'
    ' from pgjobs.entities e where e.number > %s and e.number <= %s and %s order by e.number',
    _job, _parts.name,
    case when _own is null then format('%L', _parts.parameters::text)
         else format('(%L::jsonb || coalesce(%L::jsonb -> e.id, ''{}''))::text', _parts.parameters, _own) end,
    _parts.at, coalesce(_after_key, 0), coalesce(_end_key, 9223372036854775807),
    concat_ws(' and ',
      case when _parts.types is not null then format('e.type = any (%L::text[])', _parts.types) end,
      case when _tags is not null then format('e.tags && %L::text[]', _tags)
           when _ids is not null then format('e.id = any (%L::text[])', _ids)
           when _row.params ? 'filter' then pgjobs.filter_condition(_row.params -> 'filter', pgjobs.entity_fields())
           -- The items of a list are written as they are given.
           else 'false' end));
end;
$$;
comment on function pgjobs.operation_records(bigint, integer, bigint, bigint) is
  'The selector of operations: the entities that have one of the tags, that a filter finds, or that are named, of the types that the operation is for, in the order of their numbers. A job with a list (params.listed) has its items from append_items().';
