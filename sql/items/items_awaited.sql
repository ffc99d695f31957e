-- Reads: item_counts, item_retries, shards, and what attempts_end, pace_of and reply_trouble read   Writes: nothing
create or replace function pgjobs.items_awaited(_job_id bigint)
returns text
language sql
stable
set search_path = pg_catalog, pg_temp
as $$
  select coalesce(nullif(concat_ws('; ',
    case when n.launched > 0 then 'it waits for the outcome of ' || pgjobs.counted(n.launched, 'item') end,
    case when n.to_retry = 1 then '1 item waits for its next attempt, which comes ' || d.next_attempt
         when n.to_retry > 1 then format('%s items wait for their next attempt, the first one comes %s', n.to_retry, d.next_attempt) end,
    case when n.launched > 0 then coalesce(
      pgjobs.reply_trouble(_job_id),
      'it goes on with an answer, or ' || d.ends,
      'no time-out is set (execution_limit), so it may never end without an answer') end), ''),
    'each item has its outcome, and the job ends as soon as a daemon has a free place')
  from (
    select coalesce(sum(c.n) filter (where c.status in ('w', 'l')), 0)::bigint as launched, coalesce(sum(c.n) filter (where c.status = 'r'), 0)::bigint as to_retry
    from pgjobs.item_counts c where c.job_id = _job_id) n
  cross join lateral (
    select min(r.due_at) as next_at, least(min(pgjobs.attempts_end(_job_id, p.shard)), min(s.stop_at)) as end_at
    from pgjobs.shards p
    cross join pgjobs.pace_of(_job_id) s
    left join lateral (
      select t.due_at from pgjobs.item_retries t where t.job_id = p.job_id and t.shard = p.shard order by t.due_at limit 1) r on true
    where p.job_id = _job_id and p.finished_at is null) m
  cross join lateral (
    select case when m.next_at > pgjobs.now() then 'at ' || pgjobs.moment_text(m.next_at) else 'as soon as a daemon has a free place' end as next_attempt,
           case when m.end_at > pgjobs.now() then 'at ' || pgjobs.moment_text(m.end_at)
                when m.end_at is not null then 'as soon as a daemon has a free place' end as ends) d;
$$;
comment on function pgjobs.items_awaited(bigint) is
  'What a tracked job waits for once everything is sent: how many outcomes, how many further attempts, and when it goes on; it says where nothing but an answer ever ends an attempt.';
