-- Reads: shards, xmp_jobs   Writes: nothing
create or replace function pgjobs.backlog_room(
  _job_id bigint, _shard integer, _max_backlog bigint, _shared boolean, _depth bigint, _seen bigint, _wanted integer)
returns bigint
language plpgsql
stable
set search_path = pg_catalog, pg_temp
as $$
declare
  _room bigint;
begin
  -- What others were granted, or have published since, may be in the queue already: it is counted twice then, which only
  -- makes the queue shorter.
  _room := _max_backlog - _depth - greatest(0, pgjobs.published_so_far(_job_id) - _seen) - (
    select coalesce(sum(p.granted), 0)
    from pgjobs.shards p
    where p.owner is not null and p.granted > 0 and (p.job_id, p.shard) <> (_job_id, _shard)
      and (p.job_id = _job_id
           or _shared and (select j.type::text from public.xmp_jobs j where j.id = p.job_id)
                        = (select j.type::text from public.xmp_jobs j where j.id = _job_id)));
  -- Many windows of one record would cost more than the consumer's time.
  return case when _room >= least(_wanted, greatest(1, _max_backlog / 4)) then _room else 0 end;
end;
$$;
comment on function pgjobs.backlog_room(bigint, integer, bigint, boolean, bigint, bigint, integer) is
  'How many records fit into the backlog: none while it is more than three quarters full and not all that are wanted fit.';
