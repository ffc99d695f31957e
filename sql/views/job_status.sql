-- One row per job for DBAs and the CMS: who runs it, how far it is, how fast, until when, and why it does not move.
create or replace view pgjobs.job_status as
select
  j.id,
  j.type::text as type,
  j.status::text as status,
  j.id_user,
  p.owner,
  case when p.all_finished then p.considered
       when p.fraction >= 0.02 then greatest(p.considered, least(p.send_limit, round(p.considered / p.fraction)::bigint))
       else greatest(p.considered, p.estimate) end as total,
  p.considered,
  p.sent,
  p.skipped,
  p.returned,
  case when p.all_finished then 100
       else round(least(99.9, 100 * coalesce(greatest(p.fraction, p.sent::numeric / nullif(p.send_limit, 0)), 0)), 1) end as percent,
  case when p.held then p.rate end as records_per_second,
  case when p.held and p.rate > 0 and p.fraction > 0
       then clock_timestamp() + make_interval(secs => (
         p.considered * (1 / greatest(p.fraction, coalesce(p.sent::numeric / nullif(p.send_limit, 0), 0)) - 1) / p.rate)::double precision) end as eta,
  p.started_at,
  p.updated_at,
  j.finish_at,
  nullif(j.log_path, '') as log_path,
  pgjobs.why(j.id) as why
from public.xmp_jobs j
left join lateral (
  select
    string_agg(distinct coalesce(w.name, s.owner::text), ', ') filter (where s.owner is not null) as owner,
    sum(s.considered)::bigint as considered,
    sum(s.sent)::bigint as sent,
    sum(s.skipped)::bigint as skipped,
    sum(s.returned)::bigint as returned,
    sum(s.estimate)::bigint as estimate,
    sum(s.send_limit)::bigint as send_limit,
    bool_and(s.finished_at is not null) as all_finished,
    bool_or(s.owner is not null and s.lease_until > clock_timestamp()) as held,
    avg(case
      when s.finished_at is not null then 1
      when s.prepared_at is null or s.after_key is null then 0
      when s.end_key is null or s.end_key = coalesce(s.start_key, s.first_key) then 0
      else (s.after_key - coalesce(s.start_key, s.first_key))::numeric / (s.end_key - coalesce(s.start_key, s.first_key)) end) as fraction,
    round(sum((s.considered - s.claimed_with) / nullif(extract(epoch from s.updated_at - s.claimed_at), 0))::numeric, 1) as rate,
    min(s.started_at) as started_at,
    max(s.updated_at) as updated_at
  from pgjobs.progress s
  left join pgjobs.workers w on w.id = s.owner
  where s.job_id = j.id
) p on true;
comment on view pgjobs.job_status is 'Progress of every job, and in words why a job is not moving.';
