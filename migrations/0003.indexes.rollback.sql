-- transactional: false
drop index concurrently if exists public.pgjobs_expired_msisdn_id_idx;
drop index concurrently if exists public.pgjobs_expired_created_at_idx;
drop index concurrently if exists public.pgjobs_transactions_paid_idx;
drop index concurrently if exists public.pgjobs_subscriptions_pending_idx;
drop index concurrently if exists public.pgjobs_blacklist_msisdn_idx;
drop index concurrently if exists public.pgjobs_postpaid_msisdn_idx;
drop index concurrently if exists public.pgjobs_jobs_finish_at_idx;
drop index concurrently if exists public.pgjobs_jobs_status_idx;
drop index concurrently if exists public.pgjobs_jobs_open_idx;
