-- Reads: xmp_jobs, items   Writes: nothing
create or replace function pgjobs.show_operation(_id text, _operation text)
returns jsonb
language plpgsql
stable
security definer
set search_path = pg_catalog, pg_temp
set timezone = 'UTC'
as $$
declare
  _number constant bigint := pgjobs.operation_job_id(_id);
  _shown jsonb;
begin
  select pgjobs.operation_json(j, i) into _shown
  from pgjobs.item_of(_operation) o
  join public.xmp_jobs j on j.id = o.job_id
  join pgjobs.items i on i.job_id = o.job_id and i.key = o.key
  where o.job_id = _number and o.attempt is null;
  if not found then
    perform pgjobs.refuse('PJ404', 'unknown_operation', 'operationId', format('job %s has no operation %s', _number, left(_operation, 100)),
      'GET .../operations lists them');
  end if;
  return jsonb_build_object('operation', _shown);
end;
$$;
comment on function pgjobs.show_operation(text, text) is
  'An operation of a job, by the id that the job''s list has; refuses (PJ404) where there is none.';
