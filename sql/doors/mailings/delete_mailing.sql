-- Reads: xmp_jobs, cancellations   Writes: xmp_jobs (deleted_at), and what cancel_job writes
create or replace function pgjobs.delete_mailing(_id bigint, _actor text)
returns void
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  _job constant public.xmp_jobs := pgjobs.expect_mailing(_id);
begin
  perform pgjobs.set_actor(_actor);
  if _job.status::text <> 'done' and not exists (select from pgjobs.cancellations c where c.job_id = _id) then
    perform pgjobs.cancel_job(_id);
  end if;
  update public.xmp_jobs j set deleted_at = pgjobs.now() where j.id = _id;
  perform pgjobs.add_event(_id, null, null, 'deleted at the door of mailings, which shows it no longer');
end;
$$;
comment on function pgjobs.delete_mailing(bigint, text) is
  'Lets a mailing be shown and counted no longer; one that is not over is cancelled for good. Its job stays, with all that proves what was sent. Refuses (PJ404) where there is none.';
