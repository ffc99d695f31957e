-- Reads: the session setting pgjobs.reason   Writes: events
create or replace function pgjobs.record_schedule()
returns trigger
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  _reason constant text := nullif(pgjobs.trusted_setting('pgjobs.reason', '{pgjobs_daemon}'), '');
begin
  perform pgjobs.add_event(new.id, null, null, concat_ws(', ',
    case when new.start_asked and not old.start_asked then 'asked to start now' end,
    case when new.active <> old.active then format('active = %s', new.active::text) end,
    case when new.run_at is distinct from old.run_at then format('run_at = %s', pgjobs.moment_text(pgjobs.utc(new.run_at))) end,
    case when new.stop_at is distinct from old.stop_at then format('stop_at = %s', coalesce(pgjobs.moment_text(pgjobs.utc(new.stop_at)), 'none')) end,
    case when new.priority <> old.priority then format('priority = %s', new.priority) end,
    case when new.rate is distinct from old.rate then format('rate = %s', coalesce(new.rate::text, 'none')) end,
    case when new.max_backlog is distinct from old.max_backlog then format('max_backlog = %s', coalesce(new.max_backlog::text, 'none')) end,
    case when new.schedule <> old.schedule then format('schedule = %s', new.schedule) end,
    case when new.budget <> old.budget then format('budget = %s', new.budget) end,
    case when new.rules <> old.rules then format('rules = %s', new.rules) end,
    _reason),
    _pause => case when new.active and not old.active then 'resumed'
                   when old.active and not new.active then case when _reason is null then 'paused' else 'held' end end);
  return null;
end;
$$;
comment on function pgjobs.record_schedule() is
  'Trigger: keeps in the events of a job who asked for its start, held it back, gave it another time, another pace or other rules, and why; none of this is a transition.';
