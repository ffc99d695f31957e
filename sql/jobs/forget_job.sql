-- Reads: nothing   Writes: every table of pgjobs that keeps something of the job
create or replace function pgjobs.forget_job()
returns trigger
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
-- Items are locked in the order of their keys, as by everybody else: that of their index, not that of their places.
set enable_seqscan = off
set enable_bitmapscan = off
as $$
begin
  if old.status::text = 'in progress' or exists (
    select from pgjobs.shards p where p.job_id = old.id and p.owner is not null and p.lease_until > clock_timestamp()
  ) then
    perform pgjobs.refuse('PJ409', 'running', 'id', format('job %s is running and can''t be deleted', old.id),
      'stop it first: update xmp_jobs set status = ''canceled''');
  end if;
  delete from pgjobs.shards where job_id = old.id;
  delete from pgjobs.holds where job_id = old.id;
  delete from pgjobs.paces where what = 'job ' || old.id;
  delete from pgjobs.cancellations where job_id = old.id;
  delete from pgjobs.items where job_id = old.id;
  delete from pgjobs.item_bodies where job_id = old.id;
  delete from pgjobs.item_retries where job_id = old.id;
  delete from pgjobs.item_offers where job_id = old.id;
  delete from pgjobs.item_launches where job_id = old.id;
  delete from pgjobs.item_counts where job_id = old.id;
  delete from pgjobs.refused_records where job_id = old.id;
  delete from pgjobs.ended_jobs where type = old.type::text and job_id = old.id;
  delete from pgjobs.outcomes where job_id = old.id;
  delete from pgjobs.uncertain_ranges where job_id = old.id;
  delete from pgjobs.log_segments where job_id = old.id;
  delete from pgjobs.checkpoints where job_id = old.id;
  delete from pgjobs.injection_lines where job_id = old.id;
  delete from pgjobs.callbacks where job_id = old.id;
  delete from pgjobs.ended_items where job_id = old.id;
  delete from pgjobs.idempotency_keys where key = old.idempotency_key;
  perform pgjobs.add_event(old.id, old.status::text, null, 'deleted');
  return old;
end;
$$;
comment on function pgjobs.forget_job() is
  'Trigger: refuses to delete a running job, and takes along what the engine kept of a deleted one; its events stay, and tell who deleted it.';
