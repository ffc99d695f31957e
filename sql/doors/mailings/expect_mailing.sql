-- Reads: xmp_jobs   Writes: nothing (locks the row)
create or replace function pgjobs.expect_mailing(_id bigint)
returns public.xmp_jobs
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
as $$
declare
  _job public.xmp_jobs;
begin
  select * into _job from public.xmp_jobs j where j.id = _id and j.type::text = 'mailing' and j.deleted_at is null for update;
  if not found then
    perform pgjobs.refuse('PJ404', 'unknown_mailing', '', format('there is no mailing %s', _id), 'its id is in the answer to the POST that has made it', '');
  end if;
  return _job;
end;
$$;
comment on function pgjobs.expect_mailing(bigint) is 'The job of a mailing, whose row is locked; refuses (PJ404) where there is none, or it was deleted.';
