-- Reads: pg_namespace, the session setting pgjobs.claims   Writes: nothing
create or replace function pgjobs.is_claim(_job_id bigint)
returns boolean
language sql
stable
set search_path = pg_catalog, pg_temp
as $$
  -- Anybody can make the setting; only the owner, as whom the daemon works, is believed.
  select coalesce(current_setting('pgjobs.claims', true) = _job_id::text, false)
    and pg_has_role(session_user, (select n.nspowner from pg_namespace n where n.nspname = 'pgjobs'), 'MEMBER');
$$;
comment on function pgjobs.is_claim(bigint) is
  'Whether this transaction is a daemon''s that claims this job, as begin_job says by a setting of its transaction.';
