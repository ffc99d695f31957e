-- Reads: xmp_jobs, progress   Writes: nothing
create or replace function pgjobs.expired_records(_job_id bigint, _shard integer, _after_key bigint, _end_key bigint)
returns text
language plpgsql
stable
set search_path = pg_catalog, pg_temp
set timezone = 'UTC'
as $$
declare
  _job public.xmp_jobs;
  _params pgjobs.job_params;
  _first bigint;
begin
  select * into strict _job from public.xmp_jobs j where j.id = _job_id;
  _params := pgjobs.read_params(_job.type::text, _job.params);
  select p.first_key into _first from pgjobs.progress p where p.job_id = _job_id and p.shard = _shard;
  return format(
    'select s.id::bigint as key, convert_to(s.msisdn, ''UTF8'') as msg, s._reason as reason,'
    ' case when s._reason is null then'
    ' pgjobs.charge_message(%L, s.msisdn, s.tid, s.operator_code, s.country_code, s.id_service, s.id_campaign, s.id_subscription, s.id,'
    ' pgjobs.utc(s.created_at), pgjobs.utc(s.last_pay_attempt_at), null, s.price::text, s.keep_days, s.delay_hours, null, null, null)'
    ' else '''' end as body'
    ' from (select r.*,'
    ' case when exists (select from (select x.created_at, x.id_service, x.id_campaign from public.xmp_retries_expired x'
    ' where x.msisdn = r.msisdn collate "C" and x.id %s r.id%s offset 0) e where true%s) then ''duplicate'' end as _reason'
    ' from public.xmp_retries_expired r where true%s%s%s%s%s order by r.id %s offset 0) s',
    format('"type":%s,"attempts_count":10', to_json(_job.type::text)),
    case when _params.descending then '>' else '<' end,
    case when _params.descending then ' and x.id <= ' || _first end,
    pgjobs.expired_filter(_params, 'e'),
    pgjobs.expired_filter(_params, 'r'),
    coalesce(case when _params.descending then ' and r.id < ' else ' and r.id > ' end || _after_key,
             case when _params.descending then ' and r.id <= ' else ' and r.id >= ' end || _first),
    case when _params.descending then ' and r.id >= ' else ' and r.id <= ' end || _end_key,
    pgjobs.shard_filter(_job_id, _shard, 'r.msisdn'),
    ' and not ' || pgjobs.paid_test(_params, 'r.msisdn'),
    case when _params.descending then 'desc' else 'asc' end);
end;
$$;
comment on function pgjobs.expired_records(bigint, integer, bigint, bigint) is
  'Selector of type expired: one row per msisdn, the first in the job''s order; the others are duplicates, judged over the whole selection and not only over what is left of it. Rows that came after the job had begun from the top are no part of it.';
