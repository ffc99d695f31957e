-- Reads: nothing   Writes: nothing
create or replace function pgjobs.wanted_indexes()
returns table (name text, relation text, keys text)
language sql
immutable
set search_path = pg_catalog, pg_temp
as $$
  -- Equal is equal under any collation, and bytes are compared much faster than words.
  values
    ('pgjobs_expired_msisdn_id_idx', 'xmp_retries_expired', '(msisdn collate "C", id) include (created_at, id_service, id_campaign)'),
    ('pgjobs_expired_created_at_idx', 'xmp_retries_expired', '(created_at)'),
    ('pgjobs_transactions_paid_idx', 'xmp_transactions',
     '(msisdn collate "C", sent_at) where result in (''paid'', ''retry_paid'', ''injection_paid'', ''expired_paid'')'),
    ('pgjobs_subscriptions_pending_idx', 'xmp_subscriptions', '(id) where result = '''''),
    ('pgjobs_blacklist_msisdn_idx', 'xmp_msisdn_blacklist', '(msisdn)'),
    ('pgjobs_postpaid_msisdn_idx', 'xmp_msisdn_postpaid', '(msisdn)'),
    ('pgjobs_jobs_finish_at_idx', 'xmp_jobs', '(finish_at)'),
    ('pgjobs_jobs_status_idx', 'xmp_jobs', '(status, id)'),
    ('pgjobs_jobs_type_idx', 'xmp_jobs', '(type, status, id)'),
    ('pgjobs_jobs_guid_idx', 'xmp_jobs', '(guid) where guid is not null'),
    ('pgjobs_jobs_key_idx', 'xmp_jobs', '(idempotency_key) where idempotency_key is not null'),
    -- Equal jobs, as pgjobs.remark_equal_job() looks for them: one number instead of three columns of any length.
    ('pgjobs_jobs_equal_idx', 'xmp_jobs', '(jsonb_hash_extended(params, hashtextextended(file_name, id_user)), id)'),
    ('pgjobs_jobs_open_idx', 'xmp_jobs', '(run_at) where status in (''ready'', ''in progress'')')
$$;
comment on function pgjobs.wanted_indexes() is
  'The indexes on the operator''s tables of schema public that the selections and the look-ups of jobs rely on.';
