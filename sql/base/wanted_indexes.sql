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
    ('pgjobs_jobs_finished_idx', 'xmp_jobs', '(finish_at, id) where finish_at is not null'),
    ('pgjobs_jobs_status_idx', 'xmp_jobs', '(status, id)'),
    ('pgjobs_jobs_type_idx', 'xmp_jobs', '(type, status, id)'),
    -- The orders and filters of the jobs page. Texts of any length are found by their digest.
    ('pgjobs_jobs_created_idx', 'xmp_jobs', '(created_at, id)'),
    ('pgjobs_jobs_user_idx', 'xmp_jobs', '(id_user, id) where id_user <> 0'),
    ('pgjobs_jobs_submitted_idx', 'xmp_jobs', '(hashtextextended(submitted_by, 0), id) where submitted_by is not null'),
    ('pgjobs_jobs_reference_idx', 'xmp_jobs', '(hashtextextended(reference_id, 0), id) where reference_id is not null'),
    ('pgjobs_jobs_task_idx', 'xmp_jobs', '(task_id, id) where task_id is not null'),
    ('pgjobs_jobs_name_idx', 'xmp_jobs', '((left(lower(name), 60) collate "C"), id) where name is not null'),
    ('pgjobs_jobs_guid_idx', 'xmp_jobs', '(guid) where guid is not null'),
    ('pgjobs_jobs_key_idx', 'xmp_jobs', '(idempotency_key) where idempotency_key is not null'),
    -- Equal jobs, as pgjobs.remark_equal_job() looks for them: one number instead of three columns of any length.
    ('pgjobs_jobs_equal_idx', 'xmp_jobs', '(jsonb_hash_extended(params, hashtextextended(file_name, id_user)), id)'),
    -- What is paused, and has not ended.
    ('pgjobs_jobs_inactive_idx', 'xmp_jobs', '(status, id) where not active and status in (''ready'', ''in progress'')'),
    ('pgjobs_jobs_open_idx', 'xmp_jobs', '(run_at) where status in (''ready'', ''in progress'')')
$$;
comment on function pgjobs.wanted_indexes() is
  'The indexes on the operator''s tables of schema public that the selections and the look-ups of jobs rely on.';
