-- Reads: xmp_jobs, shards, item_counts   Writes: xmp_jobs (status), cancellations, ended_jobs, and what close_cancelled writes (sends NOTIFY pgjobs)
create or replace function pgjobs.cancel_job(_id bigint, _actor text default null)
returns jsonb
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
set timezone = 'UTC'
as $$
declare
  -- What is closed at once; for more nobody waits.
  _most constant integer := 1000;
  _former constant text := pgjobs.set_actor(_actor);
begin
  perform pgjobs.expect_status(_id, 'cancelled', '{ready,in progress,canceled,error}');
  insert into pgjobs.cancellations (job_id, at) values (_id, pgjobs.now()) on conflict do nothing;
  if not found then
    perform pgjobs.refuse('PJ409', 'cancelled', 'id', format('job %s is cancelled already', _id), 'insert a new job');
  end if;
  update public.xmp_jobs j set status = 'canceled' where j.id = _id and j.status::text <> 'canceled';
  perform pgjobs.note_ended(_id, j.type::text, j.finish_at::timestamptz) from public.xmp_jobs j where j.id = _id;
  perform pgjobs.add_event(_id, null, null, 'cancelled for good: its open items are closed, and it can''t be resumed');
  -- Whoever sends or closes items holds their rows: first the job stops, then a daemon closes what is open.
  if pgjobs.open_items(_id) > _most
     or exists (select from pgjobs.shards p where p.job_id = _id and p.owner is not null and p.lease_until > clock_timestamp()) then
    perform pg_notify('pgjobs', json_build_object('id', _id, 'status', 'canceled', 'close', true)::text);
  else
    perform pgjobs.close_cancelled(_id);
  end if;
  perform set_config('pgjobs.actor', _former, true);
  return pgjobs.job_json(_id);
end;
$$;
comment on function pgjobs.cancel_job(bigint, text) is
  'Stops a job for good: it can''t be resumed, and each of its items that is still open is closed as cancelled: at once where nobody runs it and no more than 1,000 are open, else by a daemon, soon after; refuses (PJ404, PJ409) when there is none, or it is done or cancelled. Answers with the job. The actor, on whose behalf it is done, stands in the events; only a trusted role may name one.';
