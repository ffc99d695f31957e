-- Reads: nothing   Writes: nothing
create or replace function pgjobs.state_statuses()
returns table (state text, status text)
language sql
immutable
set search_path = pg_catalog, pg_temp
as $$
  values
    ('preparing', 'ready'), ('preparing', 'in progress'), ('inactive', 'ready'), ('waiting', 'ready'), ('running', 'in progress'),
    ('paused', 'ready'), ('paused', 'in progress'), ('broken', 'error'), ('ended_broken', 'error'), ('finished', 'done'),
    ('stopping', 'canceled'), ('stopped', 'canceled'), ('cancelling', 'canceled'), ('cancelled', 'canceled'),
    ('stopping', 'cancelled'), ('stopped', 'cancelled'), ('cancelling', 'cancelled'), ('cancelled', 'cancelled')
$$;
comment on function pgjobs.state_statuses() is
  'Which status of xmp_jobs a job may have that is in a state of pgjobs.job_state(); canceled in both spellings that rows may have.';
