-- Reads: xmp_jobs, shards, checkpoints, outcomes, log_segments, item_counts   Writes: nothing
create or replace function pgjobs.report_checks(_job_id bigint)
returns table (name text, holds boolean, says text)
language sql
stable
set search_path = pg_catalog, pg_temp
as $$
  with shards as (
    select p.* from pgjobs.shards p where p.job_id = _job_id
  ), job as (
    select j.status::text as status, count(p.shard) as shards, max(p.parts) as parts, coalesce(bool_and(p.finished_at is not null), false) as finished,
      sum(p.considered) as considered, sum(p.sent) as sent, sum(p.skipped) as skipped, sum(p.returned) as returned,
      sum(p.checkpoints) as checkpoints, sum(p.checkpoints_cleared) as cleared, bool_or(p.attempt is not null) as tracked,
      coalesce(bool_or('outcomes' = any (p.cleared)), false) as no_outcomes, coalesce(bool_or('items' = any (p.cleared)), false) as no_items
    from public.xmp_jobs j left join shards p on true
    where j.id = _job_id
    group by j.status
  ), counted as (
    select coalesce(sum(o.n) filter (where o.action = 'sent'), 0) as sent, coalesce(sum(o.n) filter (where o.action <> 'sent'), 0) as others
    from pgjobs.outcomes o where o.job_id = _job_id
  ), summed as (
    -- Millions of them are for "pgjobs verify".
    select count(*) as n, coalesce(sum(c.sent), 0) as sent, coalesce(sum(c.skipped), 0) as skipped, coalesce(sum(c.returned), 0) as returned
    from pgjobs.checkpoints c where c.job_id = _job_id and (select j.checkpoints from job j) <= 200000
  ), ends as (
    select p.shard, p.log_bytes, p.after_key, p.start_key, p.attempt, p.checkpoints, p.checkpoints_cleared, l.number, l.last_key,
      coalesce((select s.bytes from pgjobs.log_segments s where s.job_id = _job_id and s.shard = p.shard order by s.segment desc limit 1), 0) as bytes
    from shards p
    left join lateral (
      select c.number, c.last_key from pgjobs.checkpoints c where c.job_id = _job_id and c.shard = p.shard order by c.number desc limit 1) l on true
  )
  select 'records', j.considered = j.sent + j.skipped + j.returned,
    format('considered %s = sent %s + skipped %s + returned %s', j.considered, j.sent, j.skipped, j.returned)
  from job j where j.shards > 0
  union all
  select 'outcomes', case when not j.no_outcomes then c.sent = j.sent and c.others = j.skipped + j.returned end,
    case when j.no_outcomes then 'the outcomes were cleared after their keep time'
         else format('outcomes count %s sent and %s not sent; progress counts %s and %s', c.sent, c.others, j.sent, j.skipped + j.returned) end
  from job j cross join counted c where j.shards > 0
  union all
  select 'checkpoints',
    case when j.cleared = 0 and j.checkpoints <= 200000 then
      s.n = j.checkpoints and s.sent = j.sent and s.skipped = j.skipped and s.returned = j.returned end,
    case when j.cleared > 0 then 'checkpoints were cleared after their keep time'
         when j.checkpoints > 200000 then format('%s checkpoints are too many to be added up here: run "pgjobs verify %s"', j.checkpoints, _job_id)
         else format('%s of %s checkpoints are there; they count sent %s, skipped %s, returned %s', s.n, j.checkpoints, s.sent, s.skipped, s.returned) end
  from job j cross join summed s where j.shards > 0
  union all
  select 'position',
    bool_and(case when e.checkpoints > e.checkpoints_cleared then
      e.number = e.checkpoints and (e.last_key = e.after_key or e.attempt > 1 and e.after_key is not distinct from e.start_key) else true end),
    'the last checkpoint of each shard is where its progress is'
  from ends e having count(*) > 0
  union all
  select 'log', bool_and(e.bytes = e.log_bytes), 'the committed length of the log of each shard is that of its last checkpoint'
  from ends e having count(*) > 0
  union all
  select 'shards', (j.status <> 'done' or j.finished) and (j.parts is null or j.parts = j.shards),
    case when j.status = 'done' then 'the job is done, and all of its shards are finished' else 'all the shards into which the job was cut are there' end
  from job j where j.shards > 0
  union all
  select 'items', case when not j.no_items then coalesce((
      select sum(c.n) = 0 from pgjobs.item_counts c where c.job_id = _job_id and c.status in ('w', 'l', 'r')), true) end,
    case when j.no_items then 'the items were cleared after their keep time' else 'the job is done, and every item has an outcome' end
  from job j where j.tracked and j.status = 'done';
$$;
comment on function pgjobs.report_checks(bigint) is
  'What the database alone can tell of a job''s accounts: which sums agree (holds), and which can''t be checked any more (null). The lines of the log are for "pgjobs verify".';
