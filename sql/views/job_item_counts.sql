-- Reads: item_counts   Writes: nothing
create or replace view pgjobs.job_item_counts as
select c.job_id,
  coalesce(sum(c.n) filter (where c.status = 'w'), 0)::bigint as waiting,
  coalesce(sum(c.n) filter (where c.status = 'l'), 0)::bigint as launched,
  coalesce(sum(c.n) filter (where c.status = 'r'), 0)::bigint as to_retry,
  coalesce(sum(c.n) filter (where c.status = 's'), 0)::bigint as good,
  coalesce(sum(c.n) filter (where c.status = 'f'), 0)::bigint as failed,
  coalesce(sum(c.n) filter (where c.status = 't'), 0)::bigint as timed_out,
  coalesce(sum(c.n) filter (where c.status = 'c'), 0)::bigint as cancelled,
  coalesce(sum(c.n) filter (where c.status = 'x'), 0)::bigint as refused,
  coalesce(sum(c.n) filter (where c.status = 'G'), 0)::bigint as late_good,
  coalesce(sum(c.n) filter (where c.status = 'B'), 0)::bigint as late_failed,
  coalesce(sum(c.n) filter (where c.status = 'D'), 0)::bigint as repeated,
  coalesce(sum(c.n) filter (where c.status = 'S'), 0)::bigint as stopped
from pgjobs.item_counts c
group by c.job_id;
comment on view pgjobs.job_item_counts is
  'How many items of each tracked job have which status, how many of them timed out by the stop of the job (stopped), and how many answers came late or more than once: read from counters, nothing is counted.';
