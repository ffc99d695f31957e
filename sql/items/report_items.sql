-- Reads: xmp_jobs, xmp_job_types, shards, item_retries   Writes: items, item_counts, item_retries, item_offers, ended_items, reply_faults
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
  select pgjobs.refuse('PJ400', 'bad_bodies', 'bodies', format('bodies: there are %s of them, and %s ids', coalesce(cardinality(_bodies), 0), coalesce(cardinality(_ids), 0)),
    'give a body for each id: of an answer that has no id, the id is null')
  where cardinality(_ids) is distinct from cardinality(_bodies);
  with read as materialized (
    select u.place, r.n, r.id, m.job_id, m.key, coalesce(r.attempt, m.attempt) as attempt, r.kind, r.result, r.description, r.steps, r.agent, r.fault,
      left(u.body, 200) as sample
    from unnest(_ids, _bodies) with ordinality u (id, body, place)
    cross join lateral pgjobs.read_reply(u.id, u.body) r
    left join lateral pgjobs.item_of(r.id) m on true
  ), rules as materialized (
    select j.job_id, r.*
    from (select distinct d.job_id from read d where d.job_id is not null) j
    cross join lateral pgjobs.item_rules(j.job_id) r
  ), judged as materialized (
    select d.*, u.retry_limit, u.retry_results, u.delay_to_retry, u.retry_growth, coalesce(
      case when d.fault not in ('bad_steps', 'too_many_steps') then d.fault end,
      case when d.key is null or u.job_id is null then 'unknown' end,
      case when d.kind in ('good', 'failed') and u.results is not null and d.result <> all (u.results || pgjobs.common_results()) then 'bad_result' end) as refused
    from read d
    left join rules u on u.job_id = d.job_id
  ), found as materialized (
    select s.*, i.status, i.answer, i.attempts, i.kept
    from (
      select d.*, row_number() over (partition by d.job_id, d.key order by d.place, d.n) as turn from judged d
      where d.refused is null
      order by d.job_id, d.key, turn) s
    cross join lateral (
      select l.status, l.answer, l.attempts, case when s.steps is not null then l.steps end as kept
      from pgjobs.items l
      where l.job_id = s.job_id and l.key = s.key
      for no key update) i
  ), flying as (
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
    offset 0
  ), staged as (
    select f.*, f.attempts + f.in_flight::integer as current, f.kind in ('good', 'failed') as is_final,
      coalesce(f.attempt < f.attempts + f.in_flight::integer, false) as of_earlier,
      case when f.status = 'l' or f.in_flight and f.answer is null then 'under way'
           when f.status = 'w' and not f.in_flight then 'not launched'
           -- An attempt has failed, and another one is to come: only a good answer says more.
           when f.status = 'r' and not f.in_flight or f.in_flight and f.answer = 'r' then 'again'
           -- The first answer that comes too late is noted in the item.
           when f.status in ('t', 'c') and f.answer is null then 'out of time'
           else 'decided' end as stage
    from flying f
  ), turns as (
    -- Of the answers to one item: the first good one, the first that says that the attempt under way has failed, and what becomes of it.
    select s.*,
      min(case when s.kind = 'good' and s.stage in ('under way', 'again') then s.turn end) over item as good_turn,
      min(case when s.kind = 'failed' and s.stage = 'under way' and not s.of_earlier
               then s.turn * 4 + strpos('rft', pgjobs.status_after(false, s.result, s.current, s.retry_limit, s.retry_results)::text) end) over item as failed,
      min(case when s.is_final and s.stage = 'out of time' then s.turn end) over item as late_turn
    from staged s
    window item as (partition by s.job_id, s.key)
  ), told as (
    select t.*, t.failed / 4 as failed_turn,
      case when t.failed / 4 < coalesce(t.good_turn, 9223372036854775807) then substr('rft', (t.failed % 4)::integer, 1) end as fails_to
    from turns t
  ), parts as materialized (
    select t.*,
      -- Failed and, behind it, good: as an answer to an item that waits for its next attempt.
      coalesce(t.status = 'l' and t.fails_to = 'r' and t.good_turn is not null, false) as anew,
      case when t.fails_to in ('f', 't') then t.failed_turn else t.good_turn end as last_turn,
      coalesce(t.turn = t.good_turn and coalesce(t.fails_to, 'r') = 'r' or t.turn = t.failed_turn and t.fails_to is not null, false) as decides,
      not t.is_final and t.stage = 'under way' and not t.of_earlier and t.turn < least(t.good_turn, t.failed_turn, 9223372036854775807) as adds
    from told t
  ), summed as (
    select p.job_id, p.key, max(p.status::text)::"char" as status, bool_or(p.in_flight) as in_flight, max(p.attempts) as attempts,
      max(p.delay_to_retry) as delay_to_retry, max(p.retry_growth) as retry_growth, count(*) as n,
      max(case when p.fails_to in ('f', 't') then p.fails_to when p.good_turn is not null then 's' else p.fails_to end)::"char" as outcome,
      (max(case when p.kind = 'good' then 'G' else 'B' end) filter (where p.turn = p.late_turn))::"char" as late,
      bool_or(p.adds) as adds, bool_or(p.anew) as anew,
      (array_agg(p.result order by p.turn desc) filter (where (p.decides or p.adds) and p.result is not null))[1] as result,
      (array_agg(p.description order by p.turn desc) filter (where (p.decides or p.adds) and p.description is not null and not (p.anew and p.turn < p.good_turn)))[1] as description,
      (array_agg(p.agent order by p.turn desc) filter (where (p.decides or p.adds) and p.agent is not null))[1] as agent,
      -- The latest first.
      array_agg(p.steps order by p.turn desc) filter (where (p.decides or p.adds) and p.steps is not null) as steps,
      (array_agg(p.kept) filter (where (p.decides or p.adds) and p.steps is not null))[1] as kept
    from parts p
    group by p.job_id, p.key
  ), decided as materialized (
    select s.*, case when not s.in_flight then s.outcome end as becomes, case when s.in_flight then s.outcome end as answers,
      k.steps as all_steps, k.left_out
    from summed s
    left join lateral (select a.* from pgjobs.add_steps(s.kept, s.steps) a where s.steps is not null offset 0) k on true
  ), moment as materialized (
    select pgjobs.now() as now
  ), changed as (
    update pgjobs.items i
    set status = coalesce(d.becomes, i.status), answer = coalesce(d.late, d.answers, case when d.becomes = 't' then 'D'::"char" end, i.answer),
        result = coalesce(d.result, i.result),
        -- What was said of the attempt before is no word of this one.
        description = case when num_nonnulls(d.becomes, d.answers) = 0 and not d.adds then i.description
                           else coalesce(d.description, case when i.acked_at is not null and not d.anew then i.description end) end,
        steps = coalesce(d.all_steps, i.steps),
        -- What was said of this attempt says nothing of the next one.
        acked_at = case when d.becomes is distinct from 'r' and (d.adds or num_nonnulls(d.becomes, d.answers) > 0) then coalesce(i.acked_at, m.now)
                        when d.becomes is null then i.acked_at end,
        agent = coalesce(d.agent, i.agent),
        closed_at = case when d.becomes <> 'r' then m.now else i.closed_at end
    from decided d
    cross join moment m
    where i.job_id = d.job_id and i.key = d.key
      -- The last word of an item stays as it is.
      and (num_nonnulls(d.becomes, d.answers, d.late) > 0 or d.adds)
  ), gone as (
    delete from pgjobs.item_retries r using decided d
    where d.status = 'r' and d.becomes = 's' and r.job_id = d.job_id and r.key = d.key
  ), done_with as (
    delete from pgjobs.item_offers o using decided d
    where d.becomes is not null and o.job_id = d.job_id and o.key = d.key
  ), again as (
    insert into pgjobs.item_retries as r (job_id, shard, key, attempt, due_at)
    select d.job_id, pgjobs.shard_of(d.job_id, d.key), d.key, d.attempts + 1, pgjobs.now() + pgjobs.retry_delay(d.delay_to_retry, d.retry_growth, d.attempts)
    from decided d
    where d.becomes = 'r'
    on conflict (job_id, key) do update set attempt = excluded.attempt, due_at = excluded.due_at
  ), ended as (
    insert into pgjobs.ended_items (job_id, at, keys)
    select e.job_id, m.now, p.keys
    from (
      select d.job_id, array_agg(d.key order by d.key) as keys
      from rules u join decided d on d.job_id = u.job_id
      where u.notifies and d.becomes <> 'r'
      group by d.job_id) e
    cross join moment m
    cross join lateral pgjobs.key_parts(e.keys) p (keys)
  ), tallied as (
    select d.job_id, d.status, -1 as n from decided d where d.becomes is not null
    union all select d.job_id, d.becomes, 1 from decided d where d.becomes is not null
    union all select p.job_id,
        (case when p.turn = p.late_turn then case when p.kind = 'good' then 'G' else 'B' end
              when p.stage in ('decided', 'out of time') or p.turn > p.last_turn then 'D'
              -- Of an earlier attempt, or of one that has failed already.
              else 'B' end)::"char", 1
      from parts p where p.is_final and not p.decides and p.stage <> 'not launched'
  ), counted as (
    insert into pgjobs.item_counts as k (job_id, slot, status, n)
    select t.job_id, pg_backend_pid() % 8, t.status, sum(t.n)
    from tallied t
    group by t.job_id, t.status
    having sum(t.n) <> 0
    order by t.job_id, t.status
    on conflict (job_id, slot, status) do update set n = k.n + excluded.n
  ), faulty as (
    select x.kind, sum(x.n) as n, (array_agg(x.sample))[1] as sample
    from (
      select coalesce(d.refused, d.fault) as kind, d.sample, 1 as n from judged d where coalesce(d.refused, d.fault) is not null
      union all
      select 'unknown', d.sample, 1 from judged d
      where d.refused is null and (d.job_id, d.key) not in (select f.job_id, f.key from found f)
      union all
      select 'not_launched', s.job_id || '-' || s.key, 1 from parts s where s.stage = 'not launched'
      union all
      select 'too_many_steps', d.job_id || '-' || d.key, d.left_out from decided d where d.left_out > 0) x
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
  'Takes answers in: the correlation id of each (null: none) and its body. Each closes its item, or has it tried again by the rules of its type, or tells a part of what happens; repeated, late and unusable ones are counted and change nothing. Many at once are the same as one after another. Answers with how many there were for each job; when that is committed, settle_items() is to be called for them.';
