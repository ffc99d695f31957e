-- Reads: xmp_jobs   Writes: nothing (locks the row)
create or replace function pgjobs.expect_revision(_id bigint, _revisions text[])
returns void
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
as $$
declare
  _present text;
begin
  if _revisions is null then
    return;
  end if;
  select j.xmin::text into _present from public.xmp_jobs j where j.id = _id for update;
  if _present <> all (_revisions) then
    perform pgjobs.refuse('PJ412', 'changed', 'If-Match', format('job %s was changed meanwhile', _id), 'read it again, and decide anew');
  end if;
end;
$$;
comment on function pgjobs.expect_revision(bigint, text[]) is
  'Refuses (PJ412) where a job is at none of these revisions, as If-Match names them; null: at any. The revision of a job is xmin of its row: it changes whenever the row does, not with the progress of the job.';
