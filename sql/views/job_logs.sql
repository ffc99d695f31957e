-- The files of a job's log.
create or replace view pgjobs.job_logs as
select s.job_id, s.shard, s.segment, s.host, s.path, s.bytes
from pgjobs.log_segments s
where s.removed_at is null;
comment on view pgjobs.job_logs is
  'The files that make up a job''s log: one for each shard, and a further one where it was out of reach; authoritative up to so many bytes. log_path of the job names the last one of shard 0.';
