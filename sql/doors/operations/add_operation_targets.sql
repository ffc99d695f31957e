-- Reads: xmp_jobs, xmp_job_types, entities   Writes: what append_items and remove_items write
create or replace function pgjobs.add_operation_targets(_job_id bigint, _added jsonb, _removed text[])
returns jsonb
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
as $$
declare
  _refused jsonb := '{"notProvisioned": [], "notAllowed": [], "duplicated": []}';
  _name text;
  _gone jsonb;
begin
  if cardinality(_removed) > 0 then
    _gone := pgjobs.remove_items(_job_id, _removed);
  end if;
  if _added <> '[]' then
    _refused := pgjobs.append_items(_job_id, _added);
    if _refused ->> 'appended' = '0' and _refused -> 'notAllowed' <> '[]' and _refused -> 'duplicated' = '[]' then
      select upper(j.type::text) into _name from public.xmp_jobs j where j.id = _job_id;
      perform pgjobs.refuse('PJ400', 'not_applicable', 'target',
        format('target: operation %s is for none of these entities', _name),
        'it is for ' || (select array_to_string(pgjobs.applicable_to(t.applicable_to), ', ')
                         from public.xmp_jobs j join public.xmp_job_types t on t.name = j.type::text where j.id = _job_id));
    end if;
  end if;
  return _refused - 'appended' || jsonb_strip_nulls(jsonb_build_object('notInJob', _gone -> 'notFound'));
end;
$$;
comment on function pgjobs.add_operation_targets(bigint, jsonb, text[]) is
  'Removes entities from an operation job that has not started, and adds others, [{"id", "parameters"}]; those that it can''t have: not in the directory (notProvisioned), of a type that the operation is not for (notAllowed), in the job already (duplicated), and, where some are removed, those of them that it does not have (notInJob). Refuses (PJ400 not_applicable) where none is of a type that the operation is for.';
