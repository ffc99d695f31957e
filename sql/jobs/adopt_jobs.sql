-- Reads: xmp_jobs   Writes: shards
create or replace function pgjobs.adopt_jobs()
returns bigint
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
set timezone = 'UTC'
as $$
declare
  _adopted bigint;
begin
  insert into pgjobs.shards (job_id, shard, priority, asked, due_at)
  select j.id, 0, j.priority, j.start_asked, case when j.active then j.run_at end
  from public.xmp_jobs j
  where j.status = 'ready'
  on conflict do nothing;
  get diagnostics _adopted = row_count;
  return _adopted;
end;
$$;
comment on function pgjobs.adopt_jobs() is
  'Gives the ready jobs that are older than the triggers, for instance those of the predecessor, the shard that makes them due. What was in progress then stays as it was. Returns how many got one.';
