-- Reads: nothing   Writes: events
create or replace function pgjobs.record_schedule()
returns trigger
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  perform pgjobs.add_event(new.id, null, null, concat_ws(', ',
    case when new.start_asked and not old.start_asked then 'asked to start now' end,
    case when new.active <> old.active then format('active = %s', new.active::text) end,
    case when new.run_at is distinct from old.run_at then format('run_at = %s', pgjobs.moment_text(pgjobs.utc(new.run_at))) end));
  return null;
end;
$$;
comment on function pgjobs.record_schedule() is
  'Trigger: keeps in the events of a job who asked for its start, held it back, or gave it another time; none of this is a transition.';
