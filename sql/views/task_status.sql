-- One row per task: what it is, what became of it, and what comes next.
-- Without callback_url, which may hold a password.
create or replace view pgjobs.task_status as
select
  t.id, t.name, pgjobs.task_state(t.id) as state, t.type, t.params, t.file_name, t.priority, t.repeating, t.starts_at, t.stops_at, t.most_runs,
  p.runs, p.last_occasion, p.occasion as next_occasion, p.job_id as next_job, p.finished_at, p.trouble
from pgjobs.tasks t
left join pgjobs.task_progress p on p.task_id = t.id;
comment on view pgjobs.task_status is
  'Every task with its state (ACTIVE, INACTIVE, FINISHED), the number of jobs it has made, its last and its next occasion, the job that waits for that, since when it is finished, and what keeps it from making a job.';
