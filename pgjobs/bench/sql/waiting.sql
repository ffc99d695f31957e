-- Jobs of type :type: that wait, written past the triggers: a third for their run_at, a third for their window, which opens in
-- eleven hours at the earliest; a third are paused in progress.
set session_replication_role = replica;
with made as (
  insert into public.xmp_jobs (type, status, active, run_at, schedule)
  select ':type:', case when n % 3 = 0 then 'ready' else 'in progress' end, n % 3 <> 2,
         now() + case when n % 3 = 0 then interval '1 year' else interval '-1 hour' end,
         case when n % 3 = 1 then jsonb_build_object('window', jsonb_build_object(
           'start', to_char(now() at time zone 'UTC' + interval '12 hours', 'HH24:00'),
           'stop', to_char(now() at time zone 'UTC' + interval '13 hours', 'HH24:00'))) else '{}' end
  from generate_series(1, :waiting:) n
  returning id, status, active, run_at
)
insert into pgjobs.shards (job_id, due_at, note, asked, scheduled_at, prepared_at, parts, start_key, first_key, end_key, started_at, updated_at)
select m.id, case when m.status = 'ready' then m.run_at::timestamptz when m.active then now() + interval '12 hours' end,
       case when m.status <> 'ready' and m.active then 'its window is closed' end, m.status <> 'ready', now(),
       p.at, 1, case when p.at is not null then 1 end, case when p.at is not null then 1 end, case when p.at is not null then 9 end, p.at, p.at
from made m
cross join lateral (select case when m.status <> 'ready' then now() - interval '1 hour' end) p (at);
reset session_replication_role;
select pgjobs.recount_jobs('0 s');
