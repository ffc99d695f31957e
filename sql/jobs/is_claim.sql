-- Reads: the session setting pgjobs.claims   Writes: nothing
create or replace function pgjobs.is_claim(_job_id bigint)
returns boolean
language sql
stable
set search_path = pg_catalog, pg_temp
as $$
  select coalesce(pgjobs.trusted_setting('pgjobs.claims', '{pgjobs_daemon}') = _job_id::text, false);
$$;
comment on function pgjobs.is_claim(bigint) is
  'Whether this transaction is a daemon''s that claims this job, as begin_job says by a setting of its transaction.';
