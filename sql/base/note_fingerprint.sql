-- Reads: pg_proc   Writes: schema_state
create or replace function pgjobs.note_fingerprint(
  _fingerprint text, _version text, _compatible_from text, _triggers text, _names text[]
)
returns void
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
set check_function_bodies = on
as $$
declare
  _language text;
  _function oid;
begin
  for _language, _function in
    select l.lanname, p.oid
    from pg_proc p
    join pg_language l on l.oid = p.prolang
    where p.pronamespace = 'pgjobs'::regnamespace and p.proname = any (_names)
  loop
    case _language
      when 'sql' then perform fmgr_sql_validator(_function);
      when 'plpgsql' then perform plpgsql_validator(_function);
      else null;
    end case;
  end loop;
  insert into pgjobs.schema_state (fingerprint, applied_at, version, compatible_from, triggers, functions)
  values (_fingerprint, clock_timestamp(), _version, _compatible_from, _triggers, (
    select jsonb_object_agg(d.signature, d.digest)
    from jsonb_each(pgjobs.function_digests()) d (signature, digest)
    where split_part(substr(d.signature, length('pgjobs.') + 1), '(', 1) = any (_names)))
  on conflict (singleton) do update
  set fingerprint = excluded.fingerprint, applied_at = excluded.applied_at, version = excluded.version,
      compatible_from = excluded.compatible_from, triggers = excluded.triggers, functions = excluded.functions;
  perform pgjobs.note_rights();
end;
$$;
comment on function pgjobs.note_fingerprint(text, text, text, text, text[]) is
  'Notes which function files are in force, of which version, from which version on daemon, web and commands work with them, with which triggers, a digest of each function with one of these names, and the rights of the roles: other functions are the operator''s own. Every body is checked first, now that all of them exist: a broken one undoes the whole application.';
