-- A long history, written past the triggers: :jobs: jobs of two years, as they would be. Of a hundred one has broken off and
-- one was stopped; a hundredth (10,000 at most) wait, some (500 at most) run with 20 shards each, all others are done. Of a thousand
-- jobs of operations one still has its items, and the last one that is done has :items: items. One statement after another.
set session_replication_role = replica;
insert into xmp_job_types (name, selector, routing_key, tracked, reply_queue, doors)
values ('rare', 'pgjobs.expired_records', 'x', false, null, '{}'), ('history', 'pgjobs.operation_records', 'x', true, 'answers', '{operations}');
insert into xmp_jobs (type, status, params, active, created_at, run_at, finish_at, name, reference_id, media_type, id_user, submitted_by, task_id, guid, file_name)
select
  case when n % greatest(:jobs: / 10, 1) = 3 then 'rare' when h % 100 < 45 then 'expired' when h % 100 < 75 then 'injection'
       when h % 100 < 90 then 'mailing' else 'history' end,
  s.status, '{"never": 1}', s.status <> 'ready' or n % 100 <> 7, at,
  case when s.status = 'ready' then now() + interval '1 hour' + n % 1000 * interval '1 hour' else at end,
  case when s.status not in ('ready', 'in progress') then at + h % 7200 * interval '1 s' + interval '10 s' end,
  case when h % 10 < 3 then 'Campaign ' || n % 5000 || ' of ' || at::date end,
  case when h % 10 = 4 then 'ref-' || n % 100000 end, case when h % 10 = 4 then 'film' end,
  case when h % 10 < 6 then 1 + h % 200 else 0 end, case when h % 10 between 2 and 5 then 'token cms-' || h % 20 end,
  case when h % 20 = 7 then 1 + n % 50 end, gen_random_uuid(), ''
from generate_series(1, :jobs:) n
cross join lateral (select abs(hashint8(n)::bigint) / 7 as h, now() - interval '730 days' * ((:jobs: - n)::float8 / :jobs:) as at) v
cross join lateral (select case
  when n > :jobs: - least(500, :jobs: / 200) then 'in progress' when n > :jobs: - least(500, :jobs: / 200) - least(10000, :jobs: / 100) then 'ready'
  when n % 100 = 0 then 'error' when n % 100 = 50 then 'canceled' else 'done' end as status) s;
insert into pgjobs.daemons (id, name, host, pid, version, started_at, seen_at, broker)
select gen_random_uuid(), 'bench-' || n, 'host', n, '0', now(), now() + interval '1 day', 'connected' from generate_series(1, 8) n;
insert into pgjobs.agents (name, about, types, seen_at, started_at) select 'agent-' || n, 'bench', '{history}', now(), now() from generate_series(1, 20) n;
insert into pgjobs.shards
  (job_id, shard, prepared_at, first_key, end_key, after_key, considered, sent, skipped, started_at, finished_at, updated_at, checkpoints, cleared)
select j.id, 0, j.run_at, 1, 1000, 1000, 1000, 990, 10, j.run_at + interval '1 s', case when j.status = 'done' then j.finish_at end, j.finish_at, 1,
  case when j.status = 'error' and j.id % 1000 = 0 then '{lines}'::text[] end
from xmp_jobs j where j.finish_at is not null order by j.id;
insert into pgjobs.shards (job_id, shard, due_at, priority)
select j.id, 0, case when j.active then j.run_at end, 5 from xmp_jobs j where j.status = 'ready';
insert into pgjobs.shards
  (job_id, shard, epoch, owner, lease_until, lease_check_at, prepared_at, parts, first_key, start_key, end_key, after_key, considered, sent, started_at, claimed_at, updated_at, due_at, note)
select j.id, s, 1, o.owner, case when o.owner is not null then now() + interval '1 day' end, case when o.owner is not null then now() + interval '1 day' end, now(), 20,
  1, s * 1000, s * 1000 + 999, s * 1000 + 500, 500, 500, j.run_at + interval '1 s', now(), now(),
  case when o.owner is null then now() + interval '1 hour' end, case when o.owner is null then 'it waits' end
from xmp_jobs j cross join generate_series(0, 19) s
cross join lateral (select case when s < 2 then (select d.id from pgjobs.daemons d where d.pid = 1 + j.id % 8) end as owner) o
where j.status = 'in progress';
insert into pgjobs.events (job_id, at, from_status, to_status, role, actor)
select j.id, e.at, e.from_status, e.to_status, 'jobs', e.actor
from xmp_jobs j
cross join lateral (values (j.created_at, null, 'ready', j.submitted_by), (j.run_at, 'ready', 'in progress', 'daemon bench-1'),
                           (j.finish_at, 'in progress', j.status, 'daemon bench-1')) e (at, from_status, to_status, actor)
where e.at <= now() and (e.from_status is null or j.status <> 'ready') order by j.id;
insert into pgjobs.outcomes (job_id, shard, action, code, n)
select j.id, 0, o.action, o.code, o.n
from xmp_jobs j cross join (values ('sent', '', 990), ('skip', 'duplicate', 7), ('skip', 'paid', 3)) o (action, code, n)
where j.finish_at is not null and j.id % 4 = 0 order by j.id;
insert into pgjobs.checkpoints (job_id, shard, number, epoch, at, last_key, sent, skipped, returned, bytes, chain, checks)
select j.id, 0, 1, 1, j.finish_at, 1000, 990, 10, 0, 60000, '', '' from xmp_jobs j where j.finish_at is not null and j.id % 10 = 0 order by j.id;
insert into pgjobs.log_segments (job_id, shard, segment, epoch, host, path, bytes)
select j.id, 0, 1, 1, 'bench', '/nowhere', 60000 from xmp_jobs j where j.finish_at is not null and j.id % 10 = 0 order by j.id;
insert into pgjobs.callbacks (job_id, status, created_at, due_at, closed_at)
select j.id, 'done', j.finish_at, j.finish_at, j.finish_at from xmp_jobs j where j.finish_at is not null and j.id % 20 = 0 order by j.id;
-- The last job that is done, and the last one that runs, have been long at it.
insert into pgjobs.checkpoints (job_id, shard, number, epoch, at, last_key, sent, skipped, returned, bytes, chain, checks)
select j.id, 0, n, 1, now() - (5000 - n) * interval '1 s', n * 2000, 1990, 10, 0, n * 60000, '', ''
from (select max(id) from xmp_jobs where status = 'done' union all select max(id) from xmp_jobs where status = 'in progress') j (id)
cross join generate_series(2, 5000) n on conflict do nothing;
update pgjobs.shards set checkpoints = 5000
where shard = 0 and job_id in (select max(id) from xmp_jobs where status = 'done' union all select max(id) from xmp_jobs where status = 'in progress');
insert into pgjobs.events (job_id, at, role, reason)
select l.id, now(), 'jobs', 'remark ' || n
from (select max(id) as id from xmp_jobs where status = 'done') l cross join generate_series(1, 5000) n;
insert into pgjobs.items (job_id, key, target, status, attempts, launched_at, closed_at, result)
select j.id, n, convert_to('923' || n, 'UTF8'), (case when n % 50 = 0 then 'f' else 's' end)::"char", 1, j.run_at, j.finish_at, case when n % 50 = 0 then 'ERROR' end
from xmp_jobs j cross join generate_series(1, 100) n
where j.type = 'history' and j.status = 'done' and j.id % 1000 = 1;
insert into pgjobs.items (job_id, key, target, status, attempts, launched_at, closed_at, result, steps)
select g.id, n, convert_to('923' || n, 'UTF8'), (case when n % 50 = 0 then 'f' else 's' end)::"char", 1, now(), now(), case when n % 50 = 0 then 'ERROR' end,
  case when n % 50 = 0 then '[{"name": "one", "result": "SUCCESSFUL"}, {"name": "two", "result": "ERROR"}]'::jsonb end
from (select max(id) as id from xmp_jobs where type = 'history' and status = 'done') g cross join generate_series(1, :items:) n
on conflict do nothing;
insert into pgjobs.item_bodies (job_id, from_key, to_key, keys, bodies)
select g.id, n, n + 99, array(select generate_series(n, n + 99)), array_fill(convert_to('{"text": "hello"}', 'UTF8'), '{100}')
from (select max(id) as id from xmp_jobs where type = 'history' and status = 'done') g cross join generate_series(1, :items:, 100) n;
insert into pgjobs.item_counts (job_id, slot, status, n) select i.job_id, 0, i.status, count(*) from pgjobs.items i group by i.job_id, i.status;
insert into pgjobs.tasks (name, type, repeating, starts_at, created_at)
select 'task ' || n, 'expired', '{"period": {"each": 1, "unit": "DAYS"}}', now() - interval '2 years', now() - interval '2 years' from generate_series(1, 50) n;
insert into pgjobs.task_progress (task_id, runs, last_occasion, occasion, check_at)
select t.id, 1000, now() - interval '1 hour', now() + interval '1 day', now() + interval '1 day' from pgjobs.tasks t;
insert into pgjobs.task_runs (task_id, occasion, job_id) select j.task_id, j.created_at, j.id from xmp_jobs j where j.task_id is not null on conflict do nothing;
insert into pgjobs.job_counts (type, status, jobs, entered) select j.type, j.status, count(*), count(*) from xmp_jobs j group by j.type, j.status;
reset session_replication_role;
