-- Reads: shards   Writes: nothing
create or replace function pgjobs.stalled_jobs(_seconds double precision)
returns table (id bigint, since timestamptz)
language sql
stable
rows 10
set search_path = pg_catalog, pg_temp
set enable_seqscan = off
as $$
  select p.job_id, min(m.at)
  from pgjobs.shards p
  cross join lateral (select greatest(p.updated_at, p.claimed_at) as at) m
  where p.owner is not null and p.finished_at is null and m.at < statement_timestamp() - make_interval(secs => _seconds)
    -- A large file is read, and a selection is measured, without a checkpoint.
    and (p.prepared_at is not null or m.at < statement_timestamp() - interval '1 hour')
  group by p.job_id;
$$;
comment on function pgjobs.stalled_jobs(double precision) is
  'Jobs of which a daemon holds a shard and has finished no window for so many seconds (for an hour, where it has not begun to send), and since when. Reads the shards that somebody holds, however many there are, and whatever the statistics say.';
