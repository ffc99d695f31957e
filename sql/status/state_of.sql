-- Reads: shards, cancellations, switch   Writes: nothing
create or replace function pgjobs.state_of(_job public.xmp_jobs)
returns table (state text)
language sql
stable
rows 1
-- Without a search_path of its own: so it becomes a part of the statement that asks it, and costs a twentieth.
as $$
  select case replace(_job.status::text, 'cancelled', 'canceled')
    when 'done' then 'finished'
    when 'error' then
      case when exists (select from pgjobs.shards p where p.job_id = _job.id and p.cleared && '{lines,items,logs}') then 'ended_broken' else 'broken' end
    when 'canceled' then
      case when exists (select from pgjobs.shards p where p.job_id = _job.id and p.owner is not null and p.lease_until > statement_timestamp())
             or exists (select from pgjobs.cancellations c where c.job_id = _job.id and c.closed_at is null) then
             case when exists (select from pgjobs.cancellations c where c.job_id = _job.id) then 'cancelling' else 'stopping' end
           when exists (select from pgjobs.cancellations c where c.job_id = _job.id)
             or exists (select from pgjobs.shards p where p.job_id = _job.id and p.cleared && '{lines,items,logs}') then 'cancelled'
           else 'stopped' end
    when 'ready' then
      case when exists (select from pgjobs.shards p where p.job_id = _job.id and p.expand) then 'preparing'
           when _job.active then 'waiting'
           when exists (select from pgjobs.shards p where p.job_id = _job.id and p.started_at is not null) then 'paused'
           else 'inactive' end
    else
      case when not _job.active or exists (select from pgjobs.switch s where s.held) then 'paused'
           when exists (select from pgjobs.shards p where p.job_id = _job.id and p.shard = 0 and p.prepared_at is null) then 'preparing'
           else 'running' end
  end;
$$;
comment on function pgjobs.state_of(public.xmp_jobs) is
  'The state of a job, as job_state() has it, for statements that ask for the states of many jobs: in their FROM, or as a subquery over it, it is computed within their own plan.';
