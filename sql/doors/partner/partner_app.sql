-- Reads: xmp_job_types   Writes: nothing
create or replace function pgjobs.partner_app(_app text)
returns jsonb
language plpgsql
stable
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  _found jsonb;
begin
  select jsonb_build_object('app', t.name, 'title', coalesce(t.title, t.name), 'schema', t.params_schema) into _found
  from public.xmp_job_types t
  where t.name = _app and 'partner' = any (t.doors) and t.selector is not null;
  if not found then
    perform pgjobs.refuse('PJ404', 'unknown_app', 'app', format('there is no app %s', left(_app, 100)),
      pgjobs.partner_apps(), 'public.xmp_job_types');
  end if;
  return _found;
end;
$$;
comment on function pgjobs.partner_app(text) is
  'A job type that the partner door offers: {app, title, schema}; schema is the JSON Schema of its payloads, null where it has none. Refuses (PJ404) any other.';
