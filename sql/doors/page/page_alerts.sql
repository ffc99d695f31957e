-- Reads: alerts   Writes: nothing
create or replace function pgjobs.page_alerts()
returns jsonb
language sql
stable
security definer
set search_path = pg_catalog, pg_temp
set timezone = 'UTC'
as $$
  select jsonb_build_object('at', clock_timestamp(), 'alerts', coalesce((
    select jsonb_agg(to_jsonb(a) order by a.severity = 'warning', a.since, a.name, a.subject) from pgjobs.alerts a), '[]'));
$$;
comment on function pgjobs.page_alerts() is
  'What the page of alerts shows: {"at", "alerts": [{"name", "severity", "subject", "since", "summary", "what_to_do"}]}, the worst first.';
