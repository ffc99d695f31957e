-- Reads: xmp_jobs, shards, pg_attribute   Writes: nothing
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
  _read jsonb := pgjobs.message_expressions('xmp_retries_expired', 's', 'r');
begin
  select * into strict _job from public.xmp_jobs j where j.id = _job_id;
  _params := pgjobs.read_params(_job.type::text, _job.params);
  select p.first_key into _first from pgjobs.shards p where p.job_id = _job_id and p.shard = _shard;
  -- As bpchar: blanks at the end do not count, and no copy is made as by btrim.
  return format(
    'select s.id::bigint as key, s.msisdn::text as target, s._code as code,'
    ' case when s._code = ''bad_price'' then %s::text end as detail,'
    ' case when s._code is null then'
    ' pgjobs.charge_message(%L, s.msisdn, %s, %s, %s, %s, %s, %s, s.id, %s, %s, null, %s, %s, %s, null, null, null)'
    ' end as body'
    ' from (select r.*,'
    ' case when r.msisdn is null or r.msisdn::bpchar = '''' then ''no_msisdn'''
    ' when exists (select from (select %s from public.xmp_retries_expired x'
    ' where x.msisdn = r.msisdn collate "C" and x.id %s r.id%s offset 0) e where true%s) then ''duplicate''%s end as _code'
    ' from public.xmp_retries_expired r where true%s%s%s%s order by r.id %s offset 0) s',
    _read ->> 'price', format('"type":%s,"attempts_count":10', to_json(_job.type::text)),
    _read ->> 'tid', _read ->> 'operator_code', _read ->> 'country_code', _read ->> 'service_code', _read ->> 'campaign_id',
    _read ->> 'subscription_id', _read ->> 'created_at', _read ->> 'last_pay_attempt_at', _read ->> 'price',
    _read ->> 'retry_days', _read ->> 'delay_hours',
    concat_ws(', ', case when _params.date_from is not null or _params.date_to is not null then 'x.created_at' end,
      case when _params.service_id is not null then 'x.id_service' end,
      case when _params.campaign_id is not null then 'x.id_campaign' end),
    case when _params.descending then '>' else '<' end,
    case when _params.descending then ' and x.id <= ' || _first end,
    pgjobs.expired_filter(_params, 'e'),
    _read ->> 'price_fault',
    pgjobs.expired_filter(_params, 'r'),
    coalesce(case when _params.descending then ' and r.id < ' else ' and r.id > ' end || _after_key,
             case when _params.descending then ' and r.id <= ' else ' and r.id >= ' end || _first),
    case when _params.descending then ' and r.id >= ' else ' and r.id <= ' end || _end_key,
    ' and not ' || pgjobs.paid_test(_params, 'r.msisdn'),
    case when _params.descending then 'desc' else 'asc' end);
end;
$$;
comment on function pgjobs.expired_records(bigint, integer, bigint, bigint) is
  'Selector of type expired: one row per msisdn, the first in the job''s order; the others are duplicates, judged over the whole selection and not only over what is left of it. Rows that came after the job had begun from the top are no part of it.';
