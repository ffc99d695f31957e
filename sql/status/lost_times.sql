-- Reads: events, shards, checkpoints, uncertain_ranges   Writes: nothing
create or replace function pgjobs.lost_times(_job_id bigint)
returns table (begins timestamptz, ends timestamptz, reason text, by_whom text)
language plpgsql
stable
set search_path = pg_catalog, pg_temp
as $$
declare
  _lost tstzrange[];
  _moves timestamptz[];
begin
  if not exists (select from pgjobs.events e where e.job_id = _job_id and e.pause = 'lost') then
    return;
  end if;
  -- Whatever shows that a daemon had it again: a claim behind what was in flight, the last claim, or a window.
  _moves := array(
    select u.at from pgjobs.uncertain_ranges u where u.job_id = _job_id
    union all
    select p.claimed_at from pgjobs.shards p where p.job_id = _job_id and p.claimed_at is not null
    union all
    select s.at from pgjobs.checkpoint_samples(_job_id, 3000) s);
  return query
    select e.at, coalesce((select min(m) from unnest(_moves) m where m > e.at), pgjobs.now()), e.reason, null::text
    from (
      select v.id, v.at, v.reason from pgjobs.events v
      where v.job_id = _job_id and v.pause = 'lost' order by v.job_id desc, v.id desc limit 200) e
    order by e.id;
end;
$$;
comment on function pgjobs.lost_times(bigint) is
  'From when a daemon that ran the job was heard of last until one moved the job again: the last 200 losses. Where another shard went on meanwhile, the time is short.';
