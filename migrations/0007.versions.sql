-- The version of pgjobs that migrated last, so that an older one does not put its functions back.
-- depends: 0006.look-ups-by-bytes
alter table pgjobs.schema_state
  add column version text,
  add column triggers text;
comment on column pgjobs.schema_state.version is 'The version of pgjobs whose functions are in force; an older one refuses to migrate.';
comment on column pgjobs.schema_state.triggers is 'Fingerprint of the files of triggers in force; while it is the same they are not made anew, for that locks the operator''s tables.';
