-- Reads: xmp_jobs   Writes: nothing
create or replace function pgjobs.need_job(_id bigint)
returns void
language plpgsql
stable
set search_path = pg_catalog, pg_temp
as $$
begin
  if not exists (select from public.xmp_jobs j where j.id = _id) then
    perform pgjobs.refuse('PJ404', 'unknown_job', 'id', format('there is no job %s', _id), 'look up the id in xmp_jobs');
  end if;
end;
$$;
comment on function pgjobs.need_job(bigint) is 'Refuses (PJ404) where there is no such job.';
