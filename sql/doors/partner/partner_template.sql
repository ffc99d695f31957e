-- Reads: xmp_job_types   Writes: nothing
create or replace function pgjobs.partner_template(_name text)
returns jsonb
language plpgsql
stable
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  _app text;
begin
  select t.name into _app
  from public.xmp_job_types t
  where 'partner' = any (t.doors) and t.selector is not null and (t.name = _name or _name = any (t.applicable_to))
  order by t.name <> _name, t.name
  limit 1;
  if not found then
    perform pgjobs.refuse('PJ404', 'unknown_template', 'name', format('there is no template %s', left(_name, 100)),
      pgjobs.partner_apps(), 'public.xmp_job_types');
  end if;
  return pgjobs.partner_app(_app);
end;
$$;
comment on function pgjobs.partner_template(text) is
  'The job type of the partner door that has this name, or else is for things of this name (applicable_to), as partner_app() gives it; of several the first by name. Refuses (PJ404) where there is none.';
