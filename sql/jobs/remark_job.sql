-- Reads: xmp_job_types   Writes: events
create or replace function pgjobs.remark_job()
returns trigger
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  _registered public.xmp_job_types;
  _read pgjobs.job_params;
begin
  if new.params ?& '{date_from,date_to}' then
    _read := pgjobs.read_params(new.type::text, new.params);
  end if;
  select * into strict _registered from public.xmp_job_types t where t.name = new.type::text;
  perform pgjobs.add_event(new.id, null, null, r.remark)
  from (
    select format('params.%s: it has no effect on a job of type %s', left(k, 100), new.type) as remark
    from jsonb_object_keys(new.params) k
    where k <> all (_registered.params) and (new.type::text, new.params) is distinct from (old.type::text, old.params)
    union all
    select 'params.date_from: it is not before date_to, so the job selects nothing'
    where _read.date_from >= _read.date_to and new.params is distinct from old.params
    union all
    select 'schedule.scattering.factor: it has no effect, records go out in the order of their keys'
    where (new.schedule #>> '{scattering,factor}')::numeric > 0
      and new.schedule -> 'scattering' is distinct from old.schedule -> 'scattering'
  ) r
  order by r.remark;
  return null;
end;
$$;
comment on function pgjobs.remark_job() is
  'Trigger: tells in the events of a job what its params and its schedule say in vain. A remark is no transition: from_status and to_status are null.';
