-- Reads: session settings   Writes: events
create or replace function pgjobs.add_event(_job_id bigint, _from_status text, _to_status text, _reason text, _at timestamptz default pgjobs.now(), _pause text default null)
returns void
language sql
volatile
set search_path = pg_catalog, pg_temp
as $$
  insert into pgjobs.events (job_id, at, from_status, to_status, role, application, actor, reason, pause)
  values (_job_id, _at, _from_status, _to_status, session_user, nullif(current_setting('application_name', true), ''),
          -- Asked only where something is set: many jobs are inserted in one statement.
          case when current_setting('pgjobs.actor', true) <> '' then pgjobs.actor() end, _reason, _pause);
$$;
comment on function pgjobs.add_event(bigint, text, text, text, timestamptz, text) is
  'Keeps what happened to a job, and who did it: the role that logged in, its application, and the actor. A remark is no transition: its from_status and to_status are null. _pause: what it says of a pause, see pgjobs.events.';
