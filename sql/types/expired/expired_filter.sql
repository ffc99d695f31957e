-- Reads: pg_attribute   Writes: nothing
create or replace function pgjobs.expired_filter(_params pgjobs.job_params, _row text)
returns text
language plpgsql
stable
set search_path = pg_catalog, pg_temp
as $$
declare
  _key text;
  _field text;
begin
  select k.key, k.field into _key, _field
  from (values ('date_from', 'created_at', _params.date_from is not null), ('date_to', 'created_at', _params.date_to is not null),
               ('service_id', 'id_service', _params.service_id is not null),
               ('campaign_id', 'id_campaign', _params.campaign_id is not null)) k (key, field, is_given)
  where k.is_given and not exists (
    select from pg_attribute a
    where a.attrelid = 'public.xmp_retries_expired'::regclass and a.attname = k.field and not a.attisdropped)
  limit 1;
  if found then
    perform pgjobs.refuse('PJ400', 'bad_params', _key,
      format('params.%s: xmp_retries_expired has no column %s to select by', _key, _field), 'add the column, or insert a new job without it');
  end if;
  return concat(
    case when _params.date_from is not null then format(' and %I.created_at >= %s', _row,
      pgjobs.moment_literal(_params.date_from, 'public.xmp_retries_expired', 'created_at')) end,
    case when _params.date_to is not null then format(' and %I.created_at < %s', _row,
      pgjobs.moment_literal(_params.date_to, 'public.xmp_retries_expired', 'created_at')) end,
    case when _params.service_id is not null then format(' and %I.id_service = %s', _row, _params.service_id) end,
    case when _params.campaign_id is not null then format(' and %I.id_campaign = %s', _row, _params.campaign_id) end);
end;
$$;
comment on function pgjobs.expired_filter(pgjobs.job_params, text) is
  'What a row of xmp_retries_expired must be like to belong to a selection, as conditions for that alias; refuses to select by a column that is not there.';
