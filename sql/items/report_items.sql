-- Reads: xmp_jobs, xmp_job_types, shards, item_retries   Writes: items, item_counts, item_retries, item_offers, reply_faults
create or replace function pgjobs.report_items(_ids text[], _bodies text[])
returns table (job_id bigint, n bigint)
language sql
volatile
security definer
set search_path = pg_catalog, pg_temp
-- How many answers an array holds is not known to the planner: with these, each item is looked up by its key.
set enable_hashjoin = off
set enable_mergejoin = off
as $$
  with read as materialized (
    select u.place, r.n, r.id, m.job_id, m.key, r.kind, r.result, r.description, r.steps, r.agent, r.fault, left(u.body, 200) as sample
    from unnest(_ids, _bodies) with ordinality u (id, body, place)
    cross join lateral pgjobs.read_reply(u.id, u.body) r
    left join lateral pgjobs.item_of(r.id) m on true
  ), rules as materialized (
    select j.job_id, r.*
    from (select distinct d.job_id from read d where d.job_id is not null) j
    cross join lateral pgjobs.item_rules(j.job_id) r
  ), judged as materialized (
    select d.*, coalesce(
      case when d.fault not in ('bad_steps', 'too_many_steps') then d.fault end,
      case when d.key is null or u.job_id is null then 'unknown' end,
      case when d.kind in ('good', 'failed') and u.results is not null and d.result <> all (u.results || pgjobs.common_results()) then 'bad_result' end) as refused
    from read d
    left join rules u on u.job_id = d.job_id
  ), said as materialized (
    select d.job_id, d.key,
      (array_agg(d.kind order by d.place, d.n) filter (where d.kind in ('good', 'failed')))[1] as kind,
      coalesce((array_agg(d.result order by d.place, d.n) filter (where d.kind in ('good', 'failed')))[1],
               (array_agg(d.result order by d.place desc, d.n desc) filter (where d.result is not null))[1]) as result,
      coalesce((array_agg(d.description order by d.place, d.n) filter (where d.kind in ('good', 'failed')))[1],
               (array_agg(d.description order by d.place desc, d.n desc) filter (where d.description is not null))[1]) as description,
      jsonb_path_query_array(jsonb_agg(d.steps order by d.place, d.n) filter (where d.steps is not null), '$[*][*]') as steps,
      max(d.agent) as agent, count(*) filter (where d.kind in ('good', 'failed')) as finals, count(*) as n
    from judged d
    where d.refused is null
    group by d.job_id, d.key
  ), found as materialized (
    select s.*, i.status, i.answer, i.attempts
    from (select * from said order by job_id, key) s
    cross join lateral (
      select l.status, l.answer, l.attempts from pgjobs.items l where l.job_id = s.job_id and l.key = s.key for no key update) i
  ), flying as materialized (
    select f.*, f.status in ('w', 'r') and exists (
      select from pgjobs.shards p
      -- Before its first checkpoint a shard may have no key behind which it began.
      cross join lateral (select coalesce(p.after_key, p.first_key)) a (key)
      where p.job_id = f.job_id and p.attempt = f.attempts + 1 and not p.round_over
        and (p.in_flight_to is distinct from p.after_key and f.key between least(a.key, p.in_flight_to) and greatest(a.key, p.in_flight_to)
             -- What a lost daemon had published, and its successor has not come to yet.
             or p.end_key >= a.key and f.key between a.key and p.uncertain_to
             or p.end_key <= a.key and f.key between p.uncertain_to and a.key)
        -- The answer to an earlier attempt is none to one that this round does not make.
        and (f.status = 'w' or exists (
          select from pgjobs.item_retries r
          where r.job_id = f.job_id and r.key = f.key and r.attempt = p.attempt and r.due_at <= p.round_at))) as in_flight
    from found f
  ), decided as materialized (
    select f.*, u.delay_to_retry,
      case when f.kind is null then null
           when f.status = 'l' then pgjobs.status_after(f.kind = 'good', f.result, f.attempts, u.retry_limit, u.retry_results)
           when f.status = 'r' and not f.in_flight and f.kind = 'good' then 's'::"char" end as becomes,
      case when f.kind is not null and f.in_flight and f.answer is null
           then pgjobs.status_after(f.kind = 'good', f.result, f.attempts + 1, u.retry_limit, u.retry_results) end as answers
    from flying f
    join rules u on u.job_id = f.job_id
  ), moment as materialized (
    select pgjobs.now() as now
  ), changed as (
    update pgjobs.items i
    set status = coalesce(d.becomes, i.status), answer = coalesce(d.answers, i.answer),
        result = coalesce(d.result, i.result),
        -- What was said of the attempt before is no word of this one.
        description = coalesce(d.description, case when i.acked_at is not null then i.description end),
        steps = case when d.steps is null then i.steps when pg_column_size(i.steps) > 65536 then i.steps else coalesce(i.steps, '[]') || d.steps end,
        -- What was said of this attempt says nothing of the next one.
        acked_at = case when d.becomes is distinct from 'r' then coalesce(i.acked_at, m.now) end,
        agent = coalesce(d.agent, i.agent),
        closed_at = case when d.becomes <> 'r' then m.now else i.closed_at end
    from decided d
    cross join moment m
    where i.job_id = d.job_id and i.key = d.key
      -- The last word of an item stays as it is.
      and (num_nonnulls(d.becomes, d.answers) > 0 or d.kind is null and (d.status = 'l' or d.in_flight) and d.answer is null)
  ), gone as (
    delete from pgjobs.item_retries r using decided d
    where d.status = 'r' and d.becomes = 's' and r.job_id = d.job_id and r.key = d.key
  ), done_with as (
    delete from pgjobs.item_offers o using decided d
    where d.becomes is not null and o.job_id = d.job_id and o.key = d.key
  ), again as (
    insert into pgjobs.item_retries as r (job_id, shard, key, attempt, due_at)
    select d.job_id, pgjobs.shard_of(d.job_id, d.key), d.key, d.attempts + 1, pgjobs.now() + d.delay_to_retry
    from decided d
    where d.becomes = 'r'
    on conflict (job_id, key) do update set attempt = excluded.attempt, due_at = excluded.due_at
  ), tallied as (
    select d.job_id, d.status, -1 as n from decided d where d.becomes is not null
    union all select d.job_id, d.becomes, 1 from decided d where d.becomes is not null
    union all select d.job_id, case when d.kind = 'good' then 'G' else 'B' end::"char", 1 from decided d
      where d.kind is not null and d.becomes is null and d.answers is null and (d.status in ('t', 'c') or d.status = 'r' and not d.in_flight)
    union all select d.job_id, 'D'::"char",
        d.finals - case when num_nonnulls(d.becomes, d.answers) > 0 or d.status in ('t', 'c') or d.status = 'r' and not d.in_flight then 1 else 0 end
      from decided d where d.kind is not null and not (d.status = 'w' and not d.in_flight)
  ), counted as (
    insert into pgjobs.item_counts as k (job_id, slot, status, n)
    select t.job_id, pg_backend_pid() % 8, t.status, sum(t.n)
    from tallied t
    group by t.job_id, t.status
    having sum(t.n) <> 0
    order by t.job_id, t.status
    on conflict (job_id, slot, status) do update set n = k.n + excluded.n
  ), faulty as (
    select x.kind, count(*) as n, (array_agg(x.sample))[1] as sample
    from (
      select coalesce(d.refused, d.fault) as kind, d.sample from judged d where coalesce(d.refused, d.fault) is not null
      union all
      select 'unknown', d.sample from judged d
      where d.refused is null and (d.job_id, d.key) not in (select f.job_id, f.key from found f)
      union all
      select 'not_launched', f.job_id || '-' || f.key from flying f where f.status = 'w' and not f.in_flight) x
    group by x.kind
    order by x.kind
  ), noted as (
    insert into pgjobs.reply_faults as x (kind, n, last_at, sample)
    select f.kind, f.n, clock_timestamp(), f.sample from faulty f
    on conflict (kind) do update set n = x.n + excluded.n, last_at = excluded.last_at, sample = excluded.sample
  )
  select d.job_id, sum(d.n)::bigint from decided d group by d.job_id;
$$;
comment on function pgjobs.report_items(text[], text[]) is
  'Takes answers in: the correlation id of each (null: none) and its body. Each closes its item, or has it tried again by the rules of its type, or tells a part of what happens; repeated, late and unusable ones are counted and change nothing. Answers with how many there were for each job; when that is committed, settle_items() is to be called for them.';
