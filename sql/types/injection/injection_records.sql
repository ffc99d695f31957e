-- Reads: xmp_jobs, xmp_job_types, xmp_services, xmp_operator_msisdn_prefix   Writes: nothing
create or replace function pgjobs.injection_records(_job_id bigint, _shard integer, _after_key bigint, _end_key bigint)
returns text
language plpgsql
stable
set search_path = pg_catalog, pg_temp
set timezone = 'UTC'
as $$
declare
  _job public.xmp_jobs;
  _params pgjobs.job_params;
  _defaults jsonb;
  _operator text;
  _service bigint;
  _price text;
  _price_code text;
begin
  select * into strict _job from public.xmp_jobs j where j.id = _job_id;
  _params := pgjobs.read_params(_job.type::text, _job.params);
  select t.defaults into strict _defaults from public.xmp_job_types t where t.name = _job.type::text;
  _service := pgjobs.injection_service(_job.type::text, _params);
  select s.price::text into _price from public.xmp_services s where s.id = _service;
  if _service is not null and _price is null then
    _price_code := 'no_price';
  elsif _price !~ '^-?(0|[1-9][0-9]*)([.][0-9]+)?([eE][+-]?[0-9]+)?$' then
    _price_code := 'bad_price';
  end if;
  _operator := coalesce(quote_nullable(_defaults ->> 'operator_code'), 'null') || '::bigint';
  if exists (select from public.xmp_operator_msisdn_prefix x where x.prefix <> '') then
    _operator := format(
      'coalesce((select x.operator_code from public.xmp_operator_msisdn_prefix x where x.prefix <> '''' and starts_with(s.msisdn, x.prefix)'
      ' order by length(x.prefix) desc, x.id limit 1), %s)', _operator);
  end if;
  return format(
    'select s.line_no as key, s.raw as target, s._code as code,'
    ' case when s._code is null then null else case s._code'
    ' when ''wrong_prefix'' then s.msisdn when ''not_a_number'' then s.msisdn when ''bad_price'' then %L'
    ' when ''too_short'' then length(s.msisdn)::text when ''too_long'' then length(s.msisdn)::text else s.fault_detail end end as detail,'
    ' case when s._code is null then'
    ' pgjobs.charge_message(%L, s.msisdn, %L || md5(%L || s.line_no)::uuid, %s, %L::bigint, %L::bigint, %L::bigint, null, null, null, null, null,'
    ' %L::text, null, null, null, null, null)'
    ' end as body'
    ' from (select l.*, case'
    ' when l.fault is not null then l.fault'
    ' when length(l.msisdn) > 20 then ''too_long'''
    ' when length(l.msisdn) < 5 then ''too_short'''
    ' when not starts_with(l.msisdn, %L) then ''wrong_prefix'''
    ' when l.msisdn !~ ''^[0-9]+$'' then ''not_a_number'''
    ' when l.earlier_line > %s then ''duplicate'''
    ' when %s then ''already_paid'''
    ' when exists (select from public.xmp_msisdn_blacklist b where b.msisdn = l.msisdn offset 0) then ''blacklisted'''
    ' when exists (select from public.xmp_msisdn_postpaid b where b.msisdn = l.msisdn offset 0) then ''postpaid''%s'
    ' end as _code'
    ' from pgjobs.injection_lines l where l.job_id = %s and l.line_no > %s and l.line_no <= %s order by l.line_no offset 0) s',
    _price, format('"type":%s,"attempts_count":10', to_json(_job.type::text)), extract(epoch from pgjobs.utc(_job.created_at))::bigint || '-', _job_id || '-',
    _operator, _defaults ->> 'country_code', _service, _params.campaign_id,
    _price,
    coalesce(_params.prefix, replace(_defaults ->> 'prefix', '*', ''), ''),
    coalesce(_params."offset", 0),
    pgjobs.paid_test(_params, 'l.msisdn'),
    ' when true then ' || quote_literal(_price_code),
    _job_id, coalesce(_after_key, 0), coalesce(_end_key, 9223372036854775807));
end;
$$;
comment on function pgjobs.injection_records(bigint, integer, bigint, bigint) is
  'Selector of type injection: the lines of the job''s file in order, each with its message or the code that says why it gets none. Duplicates are judged over the job''s own lines, those passed over by offset are not among them. Each further test is one look-up by index per line, whatever the statistics say.';
