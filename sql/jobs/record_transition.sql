-- Reads: callback_state, xmp_job_types, the session setting pgjobs.reason   Writes: events, callbacks, ended_jobs
create or replace function pgjobs.record_transition()
returns trigger
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  _at timestamptz := pgjobs.now();
begin
  perform pgjobs.add_event(new.id, case when tg_op = 'UPDATE' then old.status::text end, new.status::text,
    -- Asked only where something is set.
    case when current_setting('pgjobs.reason', true) <> '' then pgjobs.trusted_setting('pgjobs.reason', '{pgjobs_daemon}') end, _at,
    case when tg_op = 'UPDATE' and new.active <> old.active then case when new.active then 'resumed' else 'paused' end end);
  if tg_op = 'INSERT' then
    return null;
  end if;
  -- What was still to be told of an earlier state is outdated.
  update pgjobs.callbacks n set closed_at = _at, answer = 'superseded' where n.job_id = new.id and n.closed_at is null and n.keys is null;
  if new.status::text = 'done' then
    perform pgjobs.note_ended(new.id, new.type::text, new.finish_at::timestamptz);
  end if;
  if new.status::text in ('done', 'canceled', 'error') then
    insert into pgjobs.callbacks (job_id, status, host, created_at, due_at, posts)
    select new.id, replace(new.status::text, 'canceled', 'cancelled'), pgjobs.host_of(new.callback_url), _at, _at,
      new.notify and new.callback_url is not null
    where case
      when new.callback_url is null then exists (select from pgjobs.callback_state s where s.wanted)
      else new.notify or not exists (select from public.xmp_job_types t where t.name = new.type::text and 'operations' = any (t.doors)) end;
  end if;
  return null;
end;
$$;
comment on function pgjobs.record_transition() is
  'Trigger: notes every transition, and puts the end of a job into the outbox where somebody is to be called; what was to be told of its earlier states is closed, but not what is to be told of its operations.';
