-- Reads: nothing   Writes: nothing
create or replace function pgjobs.search_fields(_what text)
returns table (place bigint, name text, sql text, type text, per_job boolean)
language sql
immutable
set search_path = pg_catalog, pg_temp
as $$
  select f.place, f.name, f.sql, f.type, f.per_job
  from (
    select row_number() over () as place, n.*
    from (values
      -- Of a job j: what per_job is true of is the same for all of its operations.
      ('{operations}',      'jobId', 'j.id', 'bigint', true),
      ('{operations}',      'entityId', 'pgjobs.readable(i.target)', 'text', false),
      ('{operations}',      'operationId', '(i.job_id || ''-'' || i.key)', 'text', false),
      ('{operations}',      'resourceType', '(select e.type from pgjobs.entities e where e.number = i.key)', 'text', false),
      ('{operations}',      'operationName', 'upper(j.type::text)', 'text', true),
      ('{operations}',      'operationStatus', '(case when i.status = ''w'' and j.status::text = ''ready'' and j.active then ''SCHEDULED'' else pgjobs.operation_status(i.status) end)', 'text', false),
      ('{operations}',      'operationResult', 'pgjobs.operation_result(i.status, i.result)', 'text', false),
      ('{operations}',      'operationDate', 'coalesce(i.closed_at, i.acked_at, i.launched_at, j.activated_at, pgjobs.utc(j.created_at))', 'timestamptz', false),
      ('{operations}',      'operationInitDate', 'i.launched_at', 'timestamptz', false),
      ('{operations}',      'operationEndDate', 'i.closed_at', 'timestamptz', false),
      ('{operations}',      'operationDetails', 'i.description', 'text', false),
      ('{operations}',      'operationNotify', 'j.notify', 'boolean', true),
      ('{operations}',      'operationAttemptCurrent', 'i.attempts', 'bigint', false),
      ('{operations}',      'operationAttemptMax', '(select r.retry_limit + 1 from pgjobs.item_rules(j.id) r)', 'bigint', true),
      ('{operations}',      'operationParameters', '(pgjobs.operation_json(j, i)::jsonb -> ''parameters'')', 'json', false),
      ('{operations}',      'operationSteps', 'i.steps', 'json', false),
      ('{jobs}',            'jobId', 'j.id', 'bigint', true),
      ('{jobs,operations}', 'jobName', 'j.name', 'text', true),
      ('{jobs,operations}', 'jobStatus', '(select w.operations from pgjobs.state_words(pgjobs.job_state(j)) w)', 'text', true),
      ('{jobs,operations}', 'jobOperationName', 'upper(j.type::text)', 'text', true),
      ('{jobs,operations}', 'jobUser', 'pgjobs.operation_user(j.submitted_by)', 'text', true),
      ('{jobs,operations}', 'jobUserNotes', 'j.notes', 'text', true),
      ('{jobs}',            'jobCallback', 'j.callback_url', 'text', true),
      ('{jobs,operations}', 'jobActivatedDate', 'j.activated_at', 'timestamptz', true),
      ('{jobs,operations}', 'jobStartedDate', '(select min(p.started_at) from pgjobs.shards p where p.job_id = j.id)', 'timestamptz', true),
      ('{jobs,operations}', 'jobFinishedDate', 'pgjobs.utc(j.finish_at)', 'timestamptz', true),
      ('{jobs,operations}', 'jobTotal', 'pgjobs.operation_count(j.id, ''{w,l,r,s,f,t,c,x}'')', 'bigint', true),
      ('{jobs,operations}', 'jobInProgressTotal', 'pgjobs.operation_count(j.id, ''{w,l,r}'')', 'bigint', true),
      ('{jobs,operations}', 'jobFinishedTotal', 'pgjobs.operation_count(j.id, ''{s,f,t,c,x}'')', 'bigint', true),
      ('{jobs,operations}', 'jobFinishedSuccessful', 'pgjobs.operation_count(j.id, ''{s}'')', 'bigint', true),
      ('{jobs,operations}', 'taskId', 'j.task_id', 'bigint', true),
      ('{jobs,operations}', 'taskName', '(select t.name from pgjobs.tasks t where t.id = j.task_id)', 'text', true),
      ('{tasks}',           'taskId', 't.id', 'bigint', true),
      ('{tasks}',           'taskName', 't.name', 'text', true),
      ('{tasks}',           'taskDescription', 't.description', 'text', true),
      ('{tasks}',           'taskState', 'pgjobs.task_state(t.id)', 'text', true),
      ('{tasks}',           'jobOperationName', 'upper(t.type)', 'text', true),
      ('{tasks}',           'jobUser', 'pgjobs.operation_user(t.submitted_by)', 'text', true),
      ('{tasks}',           'jobUserNotes', 't.notes', 'text', true),
      ('{tasks}',           'taskStartDate', 't.starts_at', 'timestamptz', true),
      ('{tasks}',           'taskStopDate', 't.stops_at', 'timestamptz', true),
      ('{tasks}',           'taskLastExecution', 'p.last_occasion', 'timestamptz', true),
      ('{tasks}',           'taskNextExecution', 'p.occasion', 'timestamptz', true),
      ('{tasks}',           'taskExecutions', 'p.runs', 'bigint', true)
    ) n (searches, name, sql, type, per_job)) f
  where _what = any (f.searches::text[])
  order by f.place;
$$;
comment on function pgjobs.search_fields(text) is
  'The fields that a search of the operations knows (jobs, operations, tasks), in the order of the columns of its CSV: the SQL of each over j (xmp_jobs), i (items), t (tasks), p (task_progress), its type as filter_condition() has it, or json: shown only; per_job: it is the same for all operations of a job.';
