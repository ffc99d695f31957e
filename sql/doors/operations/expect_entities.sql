-- Reads: items   Writes: nothing
create or replace function pgjobs.expect_entities(_job public.xmp_jobs, _refused jsonb)
returns void
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
as $$
declare
  _unknown constant text := left((select string_agg(e, ', ') from jsonb_array_elements_text(_refused -> 'notProvisioned') e), 1000);
begin
  if _job.params ? 'listed' and not exists (select from pgjobs.items i where i.job_id = _job.id) then
    perform pgjobs.refuse('PJ400', 'no_target', 'target',
      coalesce('target: the directory has none of these entities, and an active job needs a target: ' || _unknown,
               format('target: job %s has no entities, and an active job needs a target', _job.id)),
      'append entities that there are, or set active to false');
  end if;
end;
$$;
comment on function pgjobs.expect_entities(public.xmp_jobs, jsonb) is
  'Refuses (PJ400) to make an operation job active that has its entities from a list and has none. _refused: those of this request that it can''t have, which are named.';
