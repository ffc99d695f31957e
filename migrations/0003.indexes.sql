-- Indexes the selections rely on, built without blocking the operator's writers.
-- depends: 0002.engine
-- transactional: false

-- An index whose building broke off stays behind invalid, and "if not exists" would take it for done.
do $$
declare
  _broken text;
begin
  for _broken in
    select i.indexrelid::regclass::text from pg_catalog.pg_index i
    join pg_catalog.pg_class c on c.oid = i.indexrelid
    where not i.indisvalid and c.relname like 'pgjobs\_%' and c.relnamespace = 'public'::regnamespace
  loop
    execute 'drop index ' || _broken;
  end loop;
end
$$;

-- Equal is equal under any collation, and bytes are compared much faster than words.
create index concurrently if not exists pgjobs_expired_msisdn_id_idx on public.xmp_retries_expired (msisdn collate "C", id)
  include (created_at, id_service, id_campaign);
create index concurrently if not exists pgjobs_expired_created_at_idx on public.xmp_retries_expired (created_at);
create index concurrently if not exists pgjobs_transactions_paid_idx on public.xmp_transactions (msisdn collate "C", sent_at)
  where result in ('paid', 'retry_paid', 'injection_paid', 'expired_paid');
create index concurrently if not exists pgjobs_subscriptions_pending_idx on public.xmp_subscriptions (id) where result = '';
create index concurrently if not exists pgjobs_blacklist_msisdn_idx on public.xmp_msisdn_blacklist (msisdn);
create index concurrently if not exists pgjobs_postpaid_msisdn_idx on public.xmp_msisdn_postpaid (msisdn);
create index concurrently if not exists pgjobs_jobs_finish_at_idx on public.xmp_jobs (finish_at);
create index concurrently if not exists pgjobs_jobs_status_idx on public.xmp_jobs (status, id);
create index concurrently if not exists pgjobs_jobs_open_idx on public.xmp_jobs (run_at) where status in ('ready', 'in progress');
