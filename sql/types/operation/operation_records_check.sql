-- Reads: nothing   Writes: nothing
create or replace function pgjobs.operation_records_check(_params jsonb, _configuration jsonb)
returns text
language plpgsql
stable
set search_path = pg_catalog, pg_temp
as $$
declare
  _kinds constant text[] := array(select k from unnest('{tags,filter,entities,listed}'::text[]) k where _params ? k);
begin
  if cardinality(_kinds) <> 1 and not _params ? 'source' then
    return case when cardinality(_kinds) = 0 then 'params.filter: nothing says which entities the job is for: give tags, filter, entities or listed'
                else format('params.%s: entities are chosen in one way, and %s is given as well', _kinds[1], _kinds[2]) end;
  end if;
  if jsonb_typeof(_params -> 'parameters') <> 'object' then
    return 'params.parameters: it has to be a JSON object';
  end if;
  if jsonb_typeof(_params -> 'resource_type') <> 'string' then
    return 'params.resource_type: it has to be a type of entities, such as entity.device';
  end if;
  if _params ? 'listed' and _params -> 'listed' <> 'true' then
    return 'params.listed: it has to be true, or left out';
  end if;
  if _params ? 'listed' and _params ? 'dry_run' and pgjobs.read_flag(_params, 'dry_run') then
    return 'params.dry_run: the items of a list are written already, and a dry run has none';
  end if;
  if _params ? 'tags' and (jsonb_typeof(_params -> 'tags') <> 'array' or jsonb_array_length(_params -> 'tags') not between 1 and 100
     or exists (select from jsonb_array_elements(_params -> 'tags') t where jsonb_typeof(t.value) <> 'string')) then
    return 'params.tags: it has to be a list of 1 to 100 tags';
  end if;
  begin
    if _params ? 'entities' then
      perform pgjobs.targets_of(_params -> 'entities', 'params.entities');
    end if;
    if _params ? 'filter' then
      perform pgjobs.filter_condition(_params -> 'filter', pgjobs.entity_fields());
    end if;
  exception when sqlstate 'PJ400' then
    return case when sqlerrm like 'params.%' then sqlerrm else 'params.filter: ' || regexp_replace(sqlerrm, '^filter: ', '') end;
  end;
  return null;
end;
$$;
comment on function pgjobs.operation_records_check(jsonb, jsonb) is
  'What is wrong with the params of a job of operations, as a sentence that begins with the key; null: nothing.';
