-- Reads: nothing   Writes: nothing
create or replace function pgjobs.guid_of(_job_id bigint, _guid uuid)
returns uuid
language sql
immutable
as $$
  -- Version 8 of RFC 9562, whose content is ours.
  select coalesce(_guid, ('00000000-0000-8000-8' || overlay(lpad(to_hex(_job_id), 15, '0') placing '-' from 4 for 0))::uuid);
$$;
comment on function pgjobs.guid_of(bigint, uuid) is
  'The GUID of a job, by which partners name it: the one of its row, or, where that is older than the column, one made of its number.';
