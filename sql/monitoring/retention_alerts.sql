-- Reads: retention, and what retention_lag reads   Writes: nothing
create or replace function pgjobs.retention_alerts()
returns table (name text, subject text, since timestamptz, summary text)
language sql
stable
security definer
set search_path = pg_catalog, pg_temp
set timezone = 'UTC'
as $$
  select 'PgjobsRetentionBehind', l.what, pgjobs.now() - make_interval(secs => least(l.seconds, 1e9)),
    format('%s that are past their keep time are not cleared', l.what) || coalesce(': ' || l.trouble, '')
  from pgjobs.retention_lag() l
  where l.seconds > 86400;
$$;
comment on function pgjobs.retention_alerts() is
  'The alerts about what should have been cleared a day ago and is still there.';
