-- Reads: xmp_job_types   Writes: nothing
create or replace function pgjobs.read_params(_params jsonb)
returns pgjobs.job_params
language plpgsql
stable
set search_path = pg_catalog, pg_temp
set timezone = 'UTC'
as $$
declare
  _read pgjobs.job_params;
  _order text := lower(btrim(_params ->> 'order'));
  _alias text[];
begin
  foreach _alias slice 1 in array array[['service_id', 'service_code'], ['campaign_id', 'campaign_code']] loop
    if _params ->> _alias[1] is not null and _params ->> _alias[2] is not null
       and _params ->> _alias[1] <> _params ->> _alias[2] then
      perform pgjobs.refuse('PJ400', 'bad_params', _alias[2],
        format('params.%s: it is another name of %s and says something else', _alias[2], _alias[1]),
        format('keep only %s', _alias[1]));
    end if;
  end loop;
  if coalesce(_order, '') not in ('', 'asc', 'desc') then
    perform pgjobs.refuse('PJ400', 'bad_params', 'order',
      format('params.order: %s is neither asc nor desc', left((_params -> 'order')::text, 100)), 'give order as asc or desc, or leave it out');
  end if;
  if _params ->> 'prefix' !~ '^([0-9]*|[*])$' then
    perform pgjobs.refuse('PJ400', 'bad_params', 'prefix',
      format('params.prefix: %s has other characters than digits', left((_params -> 'prefix')::text, 100)),
      'give the digits every msisdn begins with, or * for any');
  end if;
  _read.date_from := pgjobs.read_moment(_params, 'date_from');
  _read.date_to := pgjobs.read_moment(_params, 'date_to');
  _read.last_charge_at := pgjobs.read_moment(_params, 'last_charge_at');
  _read.count := pgjobs.read_number(_params, 'count');
  _read."offset" := pgjobs.read_number(_params, 'offset');
  _read.service_id := coalesce(pgjobs.read_number(_params, 'service_id'), pgjobs.read_number(_params, 'service_code'));
  _read.campaign_id := coalesce(pgjobs.read_number(_params, 'campaign_id'), pgjobs.read_number(_params, 'campaign_code'));
  _read.descending := coalesce(_order = 'desc', false);
  _read.never := pgjobs.read_flag(_params, 'never');
  _read.dry_run := pgjobs.read_flag(_params, 'dry_run');
  _read.prefix := replace(_params ->> 'prefix', '*', '');
  return _read;
end;
$$;
comment on function pgjobs.read_params(jsonb) is
  'params as typed values; refuses what cannot be read, naming the key. The one place that knows what a parameter looks like.';

create or replace function pgjobs.read_params(_type text, _params jsonb)
returns pgjobs.job_params
language plpgsql
stable
set search_path = pg_catalog, pg_temp
as $$
declare
  _registered public.xmp_job_types;
  _given jsonb;
begin
  select * into strict _registered from public.xmp_job_types t where t.name = _type;
  select coalesce(jsonb_object_agg(e.key, e.value), '{}') into _given
  from jsonb_each(_params) e
  where (e.key = any (_registered.params) or e.key <> all (_registered.ignores))
    -- An empty prefix of an older row means any; everything else that is empty was always read as not given.
    and not (pgjobs.is_blank(e.value) and (e.key <> 'prefix' or _registered.lenient))
    and not (_registered.lenient and e.key = 'count' and e.value #>> '{}' ~ '^ *0+ *$');
  return pgjobs.read_params(_given);
end;
$$;
comment on function pgjobs.read_params(text, jsonb) is
  'What params mean for a job of this type: keys that the type ignores have no effect, nor have empty values; a lenient type reads count 0 as not given.';
