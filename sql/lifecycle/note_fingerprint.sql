-- Reads: nothing   Writes: schema_state
create or replace function pgjobs.note_fingerprint(_fingerprint text)
returns void
language sql
volatile
set search_path = pg_catalog, pg_temp
as $$
  insert into pgjobs.schema_state (fingerprint, applied_at)
  values (_fingerprint, clock_timestamp())
  on conflict (singleton) do update set fingerprint = excluded.fingerprint, applied_at = excluded.applied_at;
$$;
comment on function pgjobs.note_fingerprint(text) is
  'Notes which function files are in force; daemon and web refuse to start on a mismatch.';
