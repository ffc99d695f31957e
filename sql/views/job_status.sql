-- One row per job for DBAs and the CMS: who runs it, how far it is, how fast, until when, and why it does not move.
-- statement_timestamp(), not clock_timestamp(): a volatile column would keep the planner from computing only the rows asked for.
-- Every expression has an answer for any numbers and moments: one odd row would else take the view away from all jobs.
create or replace view pgjobs.job_status as
select
  j.id,
  j.type::text as type,
  j.status::text as status,
  j.id_user,
  p.owner,
  case when i.total is not null then i.total
       when p.all_finished then p.considered
       -- By the same share as percent: what is skipped uses up no part of a limit.
       when p.done >= 0.02 then greatest(p.considered, pgjobs.whole(p.considered / p.done))
       else greatest(p.considered, p.estimate) end as total,
  p.considered,
  p.sent,
  p.skipped,
  p.returned,
  case when i.total > i.closed or i.total > 0 and p.all_finished is not true and j.status::text in ('ready', 'in progress') then least(99.9, round(100 * i.closed::numeric / i.total, 1))
       when p.all_finished or i.total > 0 then 100
       else round(least(99.9, 100 * p.done), 1) end as percent,
  case when p.held then p.rate end as records_per_second,
  case when (o.paced or o.verdict = 'wait' or p.held) is not true or pgjobs.standstill_reason() is not null then null
       when o.paced or o.verdict = 'wait' then pgjobs.eta(j.id)
       when p.held and p.rate > 0 and p.fraction > 0 and p.considered * (1 / nullif(p.done, 0) - 1) / p.rate between 0 and 3155760000
       then statement_timestamp() + make_interval(secs => (p.considered * (1 / nullif(p.done, 0) - 1) / p.rate)::double precision) end as eta,
  p.started_at,
  p.updated_at,
  j.finish_at,
  nullif(j.log_path, '') as log_path,
  pgjobs.why(j.id) as why,
  i.closed as items_closed
from public.xmp_jobs j
left join lateral (
  select f.*, least(1, greatest(f.fraction, coalesce((f.sent::numeric + f.returned) / nullif(greatest(f.send_limit, 0), 0), 0))) as done
  from (
    select
      string_agg(distinct coalesce(w.name, s.owner::text), ', ') filter (where s.owner is not null) as owner,
      pgjobs.whole(sum(s.considered)) as considered,
      pgjobs.whole(sum(s.sent)) as sent,
      pgjobs.whole(sum(s.skipped)) as skipped,
      pgjobs.whole(sum(s.returned)) as returned,
      pgjobs.whole(sum(s.estimate)) as estimate,
      pgjobs.whole(sum(s.send_limit)) as send_limit,
      bool_and(s.finished_at is not null) as all_finished,
      bool_or(s.owner is not null and s.lease_until > statement_timestamp()) as held,
      avg(case
        when s.finished_at is not null then 1
        when s.prepared_at is null or s.after_key is null then 0
        -- The first key is a record itself, the start one that was passed over.
        else greatest(0, least(1, coalesce(
          (abs(s.after_key::numeric - coalesce(s.start_key, s.first_key)) + (s.start_key is null)::integer)
            / nullif(abs(s.end_key::numeric - coalesce(s.start_key, s.first_key)) + (s.start_key is null)::integer, 0), 0))) end) as fraction,
      round(sum((s.considered - s.claimed_with::numeric) / nullif(pgjobs.seconds_between(s.claimed_at, s.updated_at), 0))
        filter (where s.owner is not null and s.finished_at is null), 1) as rate,
      min(s.started_at) as started_at,
      max(s.updated_at) as updated_at
    from pgjobs.shards s
    left join pgjobs.daemons w on w.id = s.owner
    -- Before the first start a job has one shard and no progress.
    where s.job_id = j.id and (s.started_at is not null or s.shard > 0)
  ) f
) p on true
left join lateral (
  select pgjobs.whole(coalesce(sum(c.n) filter (where c.status in ('w', 'l', 'r', 's', 'f', 't', 'c', 'x')), 0)) as total,
    pgjobs.whole(coalesce(sum(c.n) filter (where c.status in ('s', 'f', 't', 'c', 'x')), 0)) as closed
  from pgjobs.item_counts c where c.job_id = j.id having count(*) > 0) i on true
-- Not as a condition of the join: that is looked at only after the function was called.
left join lateral pgjobs.orders(case when j.status::text = 'in progress' then j.id end) o on true;
comment on view pgjobs.job_status is 'Progress of every job, and in words why a job is not moving. Total is the number of records that it will have considered when it is through, of a stopped or held one when it goes on to its end: estimated until then, null before its first start. Of a tracked job, once its items are written, total is their number and percent how many of them have an outcome (items_closed).';
