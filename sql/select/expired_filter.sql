-- Reads: pg_attribute   Writes: nothing
create or replace function pgjobs.expired_filter(_params pgjobs.job_params, _row text)
returns text
language sql
stable
set search_path = pg_catalog, pg_temp
as $$
  select concat(
    case when _params.date_from is not null then format(' and %I.created_at >= %s', _row,
      pgjobs.moment_literal(_params.date_from, 'public.xmp_retries_expired', 'created_at')) end,
    case when _params.date_to is not null then format(' and %I.created_at < %s', _row,
      pgjobs.moment_literal(_params.date_to, 'public.xmp_retries_expired', 'created_at')) end,
    case when _params.service_id is not null then format(' and %I.id_service = %s', _row, _params.service_id) end,
    case when _params.campaign_id is not null then format(' and %I.id_campaign = %s', _row, _params.campaign_id) end);
$$;
comment on function pgjobs.expired_filter(pgjobs.job_params, text) is
  'What a row of xmp_retries_expired must be like to belong to a selection, as conditions for that alias.';
