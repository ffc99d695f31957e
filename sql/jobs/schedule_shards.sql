-- Reads: nothing   Writes: shards
create or replace function pgjobs.schedule_shards(
  _job_id bigint, _status text, _active boolean, _run_at timestamptz, _priority smallint, _asked boolean)
returns void
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
as $$
declare
  _begins boolean := _status = 'in progress';
  _due timestamptz := case
    -- It has waited from now on, not while it was stopped or held.
    when _status = 'ready' and _active and _run_at < pgjobs.now() then pgjobs.now()
    when _status = 'ready' and _active then _run_at
    when _begins and _active then pgjobs.now()
    -- A job that is paused is closed when its stop comes.
    when _begins then (select p.stop_at from pgjobs.pace_of(_job_id) p) end;
begin
  if _due is null then
    -- Those that somebody holds are given up soon, and whoever gives them up looks at the status.
    update pgjobs.shards p set due_at = null where p.job_id = _job_id and p.owner is null and p.due_at is not null;
    return;
  end if;
  -- Locked first, so that what is given up meanwhile is seen by the next statement.
  perform from pgjobs.shards p where p.job_id = _job_id for update;
  if not found then
    insert into pgjobs.shards (job_id, shard) values (_job_id, 0) on conflict do nothing;
  end if;
  update pgjobs.shards p
  set priority = _priority, asked = _asked or _begins, due_at = case when p.shard = f.shard then _due end,
      scheduled_at = case when _begins then p.scheduled_at else pgjobs.now() end,
      started_at = case when _begins then coalesce(p.started_at, _due) else p.started_at end,
      error = case when not _begins then p.error end, note = case when not _begins then p.note end,
      failures = case when _begins then 0 else p.failures end,
      -- Whoever holds it may be about to park it by the pace of before.
      repaced = p.owner is not null
  from (
    -- The first one that waits; the first of all where none is left to run, which makes the job done.
    select coalesce(min(o.shard) filter (where o.finished_at is null and o.owner is null),
                    case when bool_and(o.finished_at is not null) then 0 end) as shard
    from pgjobs.shards o where o.job_id = _job_id) f
  where p.job_id = _job_id and (_begins or p.finished_at is null or p.shard = f.shard);
end;
$$;
comment on function pgjobs.schedule_shards(bigint, text, boolean, timestamptz, smallint, boolean) is
  'Brings the shards of a job in step with its row: from when on the next one may be claimed, with which priority, and by whom; a job that begins, or begins again, has no trouble any more. A job that may run has at least one shard.';
