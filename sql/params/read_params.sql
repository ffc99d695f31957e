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
  -- Every job is read several times, and few keys are given: what is not there is not looked at one by one.
  if _params ?| '{service_code,campaign_code}' then
    foreach _alias slice 1 in array array[['service_id', 'service_code'], ['campaign_id', 'campaign_code']] loop
      if _params ->> _alias[1] is not null and _params ->> _alias[2] is not null
         and _params ->> _alias[1] <> _params ->> _alias[2] then
        perform pgjobs.refuse('PJ400', 'bad_params', _alias[2],
          format('params.%s: it is another name of %s and says something else', _alias[2], _alias[1]),
          format('keep only %s', _alias[1]));
      end if;
    end loop;
  end if;
  if coalesce(_order, '') not in ('', 'asc', 'desc') then
    perform pgjobs.refuse('PJ400', 'bad_params', 'order',
      format('params.order: %s is neither asc nor desc', left((_params -> 'order')::text, 100)), 'give order as asc or desc, or leave it out');
  end if;
  if _params ->> 'prefix' !~ '^([0-9]*|[*])$' then
    perform pgjobs.refuse('PJ400', 'bad_params', 'prefix',
      format('params.prefix: %s has other characters than digits', left((_params -> 'prefix')::text, 100)),
      'give the digits every msisdn begins with, or * for any');
  end if;
  if _params ?| '{date_from,date_to,last_charge_at}' then
    _read.date_from := pgjobs.read_moment(_params, 'date_from');
    _read.date_to := pgjobs.read_moment(_params, 'date_to');
    _read.last_charge_at := pgjobs.read_moment(_params, 'last_charge_at');
  end if;
  _read.count := pgjobs.read_number(_params, 'count');
  if _params ?| '{offset,service_id,service_code,campaign_id,campaign_code}' then
    _read."offset" := pgjobs.read_number(_params, 'offset');
    _read.service_id := coalesce(pgjobs.read_number(_params, 'service_id'), pgjobs.read_number(_params, 'service_code'));
    _read.campaign_id := coalesce(pgjobs.read_number(_params, 'campaign_id'), pgjobs.read_number(_params, 'campaign_code'));
  end if;
  _read.descending := coalesce(_order = 'desc', false);
  _read.never := case when _params ? 'never' then pgjobs.read_flag(_params, 'never') else false end;
  _read.dry_run := case when _params ? 'dry_run' then pgjobs.read_flag(_params, 'dry_run') else false end;
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
  _given jsonb;
begin
  select (
    select coalesce(jsonb_object_agg(e.key, e.value), '{}')
    from jsonb_each(_params) e
    where (e.key = any (t.params) or e.key <> all (t.ignores))
      -- An empty prefix of an older row means any; everything else that is empty was always read as not given.
      and not (pgjobs.is_blank(e.value) and (e.key <> 'prefix' or t.lenient))
      and not (t.lenient and e.key = 'count' and e.value #>> '{}' ~ '^ *0+ *$'))
  into strict _given
  from public.xmp_job_types t
  where t.name = _type;
  return pgjobs.read_params(_given);
end;
$$;
comment on function pgjobs.read_params(text, jsonb) is
  'What params mean for a job of this type: keys that the type ignores have no effect, nor have empty values; a lenient type reads count 0 as not given.';
