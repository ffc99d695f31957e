-- Jobs of every kind, written past the triggers: :ended: that have ended, :waiting: that wait, and :running: that run with
-- 20 open shards each; what the engine keeps of each ended job, and of every tenth all there can be.
set session_replication_role = replica;
insert into xmp_job_types (name, selector, routing_key) values ('rare', 'pgjobs.expired_records', 'x');
insert into xmp_jobs (type, file_name, status, run_at, finish_at)
select case when n % 2 = 0 then 'injection' else 'expired' end, case when n % 2 = 0 then 'lines.csv' else '' end,
       case n % 100 when 0 then 'error' when 1 then 'canceled' else 'done' end,
       now() - interval '2 years', now() - interval '400 days' + n * interval '1 s'
from generate_series(1, :ended:) n;
insert into xmp_jobs (type, status, run_at)
select 'expired', 'ready', now() + interval '1 year' from generate_series(1, :waiting:);
insert into xmp_jobs (type, status, run_at)
select case n when 1 then 'rare' else 'injection' end, 'in progress', now() - interval '1 hour'
from generate_series(1, :running:) n;
update xmp_jobs set type = 'rare' where id = 3;
insert into pgjobs.shards
  (job_id, shard, prepared_at, first_key, end_key, after_key, considered, sent, finished_at, updated_at, checkpoints)
select j.id, 0, j.run_at, 1, 9, 9, 9, 9, case when j.status = 'done' then j.finish_at end, j.finish_at, 1
from xmp_jobs j where j.finish_at is not null;
insert into pgjobs.shards (job_id, shard, due_at) select j.id, 0, j.run_at from xmp_jobs j where j.status = 'ready';
insert into pgjobs.shards
  (job_id, shard, prepared_at, parts, first_key, end_key, after_key, considered, sent, started_at, updated_at, due_at, note)
select j.id, s, now(), 20, 1, 9, 5, 5, 5, now(), now(), now() + interval '1 hour', 'it waits'
from xmp_jobs j, generate_series(0, 19) s where j.status = 'in progress';
insert into pgjobs.events (job_id, at, from_status, to_status, role)
select j.id, coalesce(j.finish_at, now()), 'in progress', j.status, 'x' from xmp_jobs j;
insert into pgjobs.outcomes (job_id, shard, action, code, n)
select j.id, 0, 'sent', '', 9 from xmp_jobs j where j.finish_at is not null and j.id % 10 = 1;
insert into pgjobs.callbacks (job_id, status, created_at, due_at, closed_at)
select j.id, 'done', j.finish_at, j.finish_at, now() from xmp_jobs j where j.finish_at is not null and j.id % 10 = 1;
insert into pgjobs.checkpoints (job_id, shard, number, epoch, at, last_key, sent, skipped, returned, bytes, chain, checks)
select j.id, 0, 1, 1, j.finish_at, 9, 9, 0, 0, 1, '', '' from xmp_jobs j where j.finish_at is not null and j.id % 10 = 1;
insert into pgjobs.log_segments (job_id, shard, segment, epoch, host, path)
select j.id, 0, 1, 1, 'h', '/p' from xmp_jobs j where j.finish_at is not null and j.id % 10 = 1;
insert into pgjobs.injection_lines (job_id, line_no, raw, msisdn)
select j.id, 1, '', '' from xmp_jobs j where j.status = 'in progress' or j.status = 'canceled' and j.id % 10 = 1;
insert into pgjobs.api_requests (selector, routing_key, params, asked_at, expires_at, closed_at, role)
select 's', 'r', '{}', now(), now(), now(), 'x' from generate_series(1, :waiting:);
reset session_replication_role;
select pgjobs.recount_jobs('0 s');
select pgjobs.fold_counts();
