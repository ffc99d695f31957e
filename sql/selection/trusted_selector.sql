-- Reads: pg_proc, pg_namespace   Writes: nothing
create or replace function pgjobs.trusted_selector(
  _selector text, _arguments text[] default '{bigint,integer,bigint,bigint}', _needed boolean default true)
returns text
language plpgsql
stable
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  _signature text := format('%s(%s)', _selector, array_to_string(_arguments, ', '));
  _namespace regnamespace;
  _found regprocedure;
  _name text;
  _temporary boolean;
  _owner oid;
  _ours boolean;
begin
  if coalesce(_selector, '') !~ '^[A-Za-z_][A-Za-z0-9_$]*[.][A-Za-z_][A-Za-z0-9_$]*$' then
    perform pgjobs.refuse('PJ400', 'bad_selector', 'selector',
      format('selector: %L is not the name of a function with its schema', left(_selector, 100)), 'give it as schema.name',
      'public.xmp_job_types');
  end if;
  _namespace := to_regnamespace(split_part(_selector, '.', 1));
  if _namespace is not null and not has_schema_privilege(_namespace, 'usage') then
    perform pgjobs.refuse('PJ400', 'untrusted_selector', 'selector',
      format('selector: schema %s is closed to %I, which owns schema pgjobs and calls the selectors', _namespace, current_user),
      format('grant usage on schema %s to %I, and let a member of it create the function', _namespace, current_user),
      'public.xmp_job_types');
  end if;
  _found := to_regprocedure(_signature);
  if _found is null and not _needed then
    return null;
  elsif _found is null then
    perform pgjobs.refuse('PJ400', 'bad_selector', 'selector', format('selector: there is no function %s', _signature),
      coalesce('there is ' || (
          select string_agg(p.oid::regprocedure::text, ' and ' order by p.oid) from pg_proc p
          where p.pronamespace = _namespace and p.proname = lower(split_part(_selector, '.', 2))) || ': give it these arguments',
        'create it as the owner of schema pgjobs or a member of it, or mend the name'), 'public.xmp_job_types');
  end if;
  -- A member of the owner can have any text run as the owner anyway.
  select format('%I.%I', n.nspname, p.proname), n.oid = pg_my_temp_schema() or n.nspname like 'pg\_temp\_%', p.proowner,
         pg_has_role(p.proowner, (select o.nspowner from pg_namespace o where o.nspname = 'pgjobs'), 'MEMBER')
  into strict _name, _temporary, _owner, _ours
  from pg_proc p
  join pg_namespace n on n.oid = p.pronamespace
  where p.oid = _found;
  if _temporary or not _ours then
    perform pgjobs.refuse('PJ400', 'untrusted_selector', 'selector',
      format('selector: function %s %s, and its text would run with the rights of the owner of schema pgjobs', _signature,
        case when _temporary then 'is a temporary one' else format('belongs to %s', _owner::regrole) end),
      case when _temporary then 'create it in another schema'
           else format('let %1$s or a member of it create it, or: alter function %2$s owner to %1$s',
                       (select n.nspowner::regrole from pg_namespace n where n.nspname = 'pgjobs'), _signature) end, 'public.xmp_job_types');
  end if;
  return _name;
end;
$$;
comment on function pgjobs.trusted_selector(text, text[], boolean) is
  'The name of a selector''s function, ready to be executed; refuses one that is missing, temporary, or not of the owner of schema pgjobs (or a member of it): what it returns is run with the owner''s rights. Not _needed: null where there is none. Asked when a type is written and whenever the function is called.';
