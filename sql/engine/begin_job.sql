-- Reads: xmp_jobs, shards   Writes: xmp_jobs (status)
create or replace function pgjobs.begin_job(_job_id bigint)
returns void
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
as $$
declare
  _status text;
begin
  perform pgjobs.check_job(j.type::text, j.params, j.file_name, j.shards, _written => false) from public.xmp_jobs j
  where j.id = _job_id and not exists (select from pgjobs.shards p where p.job_id = j.id and p.started_at is not null);
  perform set_config('pgjobs.claims', _job_id::text, true);
  update public.xmp_jobs j set status = 'in progress' where j.id = _job_id;
  perform set_config('pgjobs.claims', '', true);
  -- Asked apart: an update with a returning clause fails on a table that has a conditional rule.
  select j.status::text into _status from public.xmp_jobs j where j.id = _job_id;
  if _status is distinct from 'in progress' then
    perform pgjobs.refuse_suppressed('in progress');
  end if;
end;
$$;
comment on function pgjobs.begin_job(bigint) is
  'Brings a ready job into progress. Raises whatever refuses the start.';
