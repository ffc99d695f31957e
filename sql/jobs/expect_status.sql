-- Reads: xmp_jobs   Writes: nothing (locks the row)
create or replace function pgjobs.expect_status(_id bigint, _verb text, _statuses text[])
returns void
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
as $$
declare
  _status text;
begin
  select j.status::text into _status from public.xmp_jobs j where j.id = _id for update;
  if not found then
    perform pgjobs.refuse('PJ404', 'unknown_job', 'id', format('there is no job %s', _id), 'look up the id in xmp_jobs');
  end if;
  if _status <> all (_statuses) then
    perform pgjobs.refuse_transition(_id, _status, 'be ' || _verb);
  end if;
end;
$$;
comment on function pgjobs.expect_status(bigint, text, text[]) is
  'Locks a job and refuses unless it is in one of these states; the sentence names its state and the legal next ones.';
