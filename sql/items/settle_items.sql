-- Reads: xmp_jobs, item_counts, item_retries, item_launches   Writes: shards (sends NOTIFY pgjobs)
create or replace function pgjobs.settle_items(_jobs bigint[] default null)
returns void
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  _job bigint;
  _open bigint;
begin
  for _job in
    select u.id from unnest(_jobs) u (id)
    union
    select p.job_id from pgjobs.shards p where _jobs is null and p.round_over and p.finished_at is null
    order by 1
  loop
    _open := pgjobs.open_items(_job);
    continue when _open > 0 and not exists (select from pgjobs.item_retries r where r.job_id = _job);
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
  'Makes shards due that have something to do since answers were taken in: the job can end, or a further attempt comes sooner than they would look. To be called in a transaction of its own behind report_items(): of two that close the last items at the same moment, one sees that none is open. Without numbers it looks after every job that waits for answers.';
