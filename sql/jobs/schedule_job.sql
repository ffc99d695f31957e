-- Reads: nothing   Writes: shards
create or replace function pgjobs.schedule_job()
returns trigger
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
set timezone = 'UTC'
as $$
begin
  if tg_op = 'INSERT' then
    insert into pgjobs.shards (job_id, shard, priority, asked, scheduled_at, due_at)
    values (new.id, 0, new.priority, new.start_asked, pgjobs.now(), case when new.status::text = 'ready' and new.active then new.run_at end);
  elsif (old.status::text, old.active) is distinct from (new.status::text, new.active)
        or new.status::text = 'ready' and new.run_at is distinct from old.run_at
        -- Those that are parked because of the old pace, or wait by the old rules, look at the new ones.
        or new.status::text = 'in progress' and (new.rate, new.max_backlog, new.stop_at, new.schedule, new.budget, new.rules)
                               is distinct from (old.rate, old.max_backlog, old.stop_at, old.schedule, old.budget, old.rules) then
    perform pgjobs.schedule_shards(new.id, new.status::text, new.active, new.run_at::timestamptz, new.priority::smallint, new.start_asked);
  else
    update pgjobs.shards p set priority = new.priority, asked = new.start_asked or new.status::text = 'in progress'
    where p.job_id = new.id;
  end if;
  return null;
end;
$$;
comment on function pgjobs.schedule_job() is
  'Trigger: keeps the shards of a job, which exist from its insertion on, in step with its status, active, run_at, priority and start_asked.';
