-- Reads: nothing   Writes: shards
create or replace function pgjobs.pass_turn(_job_id bigint)
returns void
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
as $$
declare
  _now timestamptz := pgjobs.now();
begin
  -- One that somebody is just taking is locked, and does not count.
  perform from pgjobs.shards p
  where p.job_id = _job_id and p.owner is null and p.finished_at is null and p.due_at <= _now
  limit 1
  for update skip locked;
  if found then
    return;
  end if;
  update pgjobs.shards p set due_at = _now
  where (p.job_id, p.shard) = (
    select n.job_id, n.shard
    from pgjobs.shards n
    where n.job_id = _job_id and n.owner is null and n.finished_at is null and n.due_at is null
    order by n.shard
    limit 1
    for update skip locked);
  if found then
    perform pg_notify('pgjobs', json_build_object('id', _job_id, 'status', 'in progress')::text);
  end if;
end;
$$;
comment on function pgjobs.pass_turn(bigint) is
  'Makes the next shard of a running job due, unless one is due already: of the shards of a job that wait for a place one is due at a time, so that jobs of equal priority take turns.';
