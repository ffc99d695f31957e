-- Reads: xmp_job_types   Writes: nothing
create or replace function pgjobs.operation_types(_filter jsonb default null)
returns json
language plpgsql
stable
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  _listed json;
begin
  execute format($list$
    select coalesce(json_agg(json_build_object(
        'name', upper(t.name), 'title', coalesce(t.title, t.name), 'applicableTo', pgjobs.applicable_to(t.applicable_to),
        'parameters', json_build_object('schema', coalesce(t.params_schema, '{"type": "object"}')), 'steps', json_build_array()) order by t.name), '[]')
    from public.xmp_job_types t
    where 'operations' = any (t.doors) and t.selector is not null and %s$list$,
    pgjobs.filter_condition(coalesce(nullif(_filter, 'null'), '{}'),
      '{"name": {"sql": "upper(t.name)", "type": "text"}, "title": {"sql": "coalesce(t.title, t.name)", "type": "text"},
        "applicableTo": {"sql": "pgjobs.applicable_to(t.applicable_to)", "type": "tags"}}')) into _listed;
  return _listed;
end;
$$;
comment on function pgjobs.operation_types(jsonb) is
  'The operations that the door offers, as a JSON array: name in capitals, title, the entity types it is for, and the JSON Schema of its parameters. _filter: a search filter over name, title and applicableTo.';
