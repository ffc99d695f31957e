-- Reads: item_counts, and what job_state reads   Writes: nothing
create or replace function pgjobs.operation_summary(_job public.xmp_jobs)
returns jsonb
language sql
stable
set search_path = pg_catalog, pg_temp
as $$
  select jsonb_build_object(
    'status', w.operations,
    'total', c.open + c.closed,
    'inProgress', jsonb_build_object(
      'total', c.open,
      'pendingExecution', case when s.state = 'waiting' then 0 else c.waiting end,
      'scheduled', case when s.state = 'waiting' then c.waiting else 0 end,
      'started', c.launched,
      'waitingForConnection', c.to_retry),
    'finished', jsonb_build_object(
      'total', c.closed,
      'successful', c.good,
      'error', c.closed - c.good - c.cancelled - c.stopped,
      'cancelled', jsonb_build_object(
        'total', c.cancelled + c.stopped,
        'byUser', case when s.state = 'ended_broken' then 0 else c.cancelled end,
        'byTimeout', c.stopped,
        'byEngine', case when s.state = 'ended_broken' then c.cancelled else 0 end,
        'byExternal', 0,
        'byExternalTimeout', 0)),
    'finishedOutOfTime', jsonb_build_object('total', c.late_good + c.late_failed, 'successful', c.late_good, 'error', c.late_failed))
  from (
    select coalesce(sum(k.n) filter (where k.status in ('w', 'l', 'r')), 0) as open,
      coalesce(sum(k.n) filter (where k.status in ('s', 'f', 't', 'c', 'x')), 0) as closed,
      coalesce(sum(k.n) filter (where k.status = 'w'), 0) as waiting,
      coalesce(sum(k.n) filter (where k.status = 'l'), 0) as launched,
      coalesce(sum(k.n) filter (where k.status = 'r'), 0) as to_retry,
      coalesce(sum(k.n) filter (where k.status = 's'), 0) as good,
      coalesce(sum(k.n) filter (where k.status = 'c'), 0) as cancelled,
      coalesce(sum(k.n) filter (where k.status = 'S'), 0) as stopped,
      coalesce(sum(k.n) filter (where k.status = 'G'), 0) as late_good,
      coalesce(sum(k.n) filter (where k.status = 'B'), 0) as late_failed
    from pgjobs.item_counts k
    where k.job_id = _job.id) c
  -- offset 0: the state is looked up once, not wherever it is named.
  cross join (select pgjobs.job_state(_job) as state offset 0) s
  cross join lateral pgjobs.state_words(s.state) w;
$$;
comment on function pgjobs.operation_summary(public.xmp_jobs) is
  'The state of a job and its operations by state, as the operations report them. Read from counters, nothing is counted.';
