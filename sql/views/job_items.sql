-- Reads: items, item_bodies, item_retries   Writes: nothing
create or replace view pgjobs.job_items as
select i.job_id, i.key as item, pgjobs.readable(i.target) as target,
  case i.status
    when 'w' then 'waiting' when 'l' then 'launched' when 'r' then 'waits for its next attempt' when 's' then 'good'
    when 'f' then 'failed' when 't' then 'timed out' when 'c' then 'cancelled' when 'x' then 'refused' end as status,
  i.attempts, i.launched_at, i.acked_at, i.closed_at, i.result, i.description, pgjobs.readable((
    select b.bodies[array_position(b.keys, i.key)] from pgjobs.item_bodies b
    where b.job_id = i.job_id and b.from_key <= i.key
    order by b.from_key desc
    limit 1)) as parameters, i.steps, i.agent,
  case when i.status = 'r' then (select r.due_at from pgjobs.item_retries r where r.job_id = i.job_id and r.key = i.key) end as next_attempt_at
from pgjobs.items i;
comment on view pgjobs.job_items is 'The items of tracked jobs in words. To be asked for one job: where job_id = 12.';
