-- Reads: xmp_jobs, item_counts, item_retries, item_launches   Writes: shards (sends NOTIFY pgjobs)
create or replace function pgjobs.settle_items(_jobs bigint[] default null)
returns void
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  _most constant integer := 200;
  _looks constant boolean := _jobs is null;
  _after constant bigint := coalesce(nullif(current_setting('pgjobs.settled_to', true), ''), '-1')::bigint;
  _job bigint;
  _open bigint;
begin
  if _looks then
    -- In turns where there are more; whatever is missed here is found by the shards themselves, after ten minutes.
    _jobs := array(
      select distinct p.job_id from pgjobs.shards p where p.round_over and p.finished_at is null and p.job_id > _after order by p.job_id limit _most);
    perform set_config('pgjobs.settled_to', case when cardinality(_jobs) = _most then _jobs[_most]::text else '' end, false);
  end if;
  foreach _job in array array(select distinct u.id from unnest(_jobs) u (id) order by 1) loop
    _open := pgjobs.open_items(_job);
    continue when _open > 0 and not exists (select from pgjobs.item_retries r where r.job_id = _job);
    continue when _open > 0 and _looks and not exists (
      select from pgjobs.shards p
      cross join lateral (select r.due_at from pgjobs.item_retries r where r.job_id = _job and r.shard = p.shard order by r.due_at limit 1) r
      where p.job_id = _job and p.round_over and p.owner is null and p.finished_at is null and r.due_at < p.due_at);
    -- Waits for one that is just ending its round, and so knows what it has decided; whoever ends one locks the job first.
    perform from public.xmp_jobs j where j.id = _job for no key update;
    update pgjobs.shards p
    set due_at = case when _open = 0 then pgjobs.now() else pgjobs.item_due(_job, p.shard) end
    from public.xmp_jobs j
    where p.job_id = _job and j.id = _job and j.status::text = 'in progress' and j.active
      and p.round_over and p.owner is null and p.finished_at is null
      and p.due_at > case when _open = 0 then pgjobs.now() else pgjobs.item_due(_job, p.shard) end;
    if found then
      perform pg_notify('pgjobs', json_build_object('id', _job, 'status', 'in progress')::text);
    end if;
  end loop;
end;
$$;
comment on function pgjobs.settle_items(bigint[]) is
  'Makes shards due that have something to do since answers were taken in: the job can end, or a further attempt comes sooner than they would look. To be called in a transaction of its own behind report_items(): of two that close the last items at the same moment, one sees that none is open. Without numbers it looks after 200 jobs that wait for answers, with the next call of the session after the next ones.';
