-- Reads: xmp_jobs, xmp_job_types   Writes: nothing
create or replace function pgjobs.operation_job_id(_id text)
returns bigint
language plpgsql
stable
set search_path = pg_catalog, pg_temp
as $$
declare
  _found bigint;
begin
  select j.id into _found
  from public.xmp_jobs j
  join public.xmp_job_types t on t.name = j.type::text
  where _id ~ '^[1-9][0-9]{0,17}$' and j.id = case when _id ~ '^[1-9][0-9]{0,17}$' then _id::bigint end
    and 'operations' = any (t.doors) and j.deleted_at is null;
  if not found then
    perform pgjobs.refuse('PJ404', 'unknown_job', 'id', format('there is no job %s', left(_id, 100)), 'look it up: POST /search/jobs');
  end if;
  return _found;
end;
$$;
comment on function pgjobs.operation_job_id(text) is
  'The number of a job that the door of the operations shows; refuses (PJ404) any other text.';
