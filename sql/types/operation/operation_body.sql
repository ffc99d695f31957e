-- Reads: nothing   Writes: nothing
create or replace function pgjobs.operation_body(_job_id bigint, _key bigint, _name text, _parameters text, _at bigint)
returns text
language sql
immutable
-- Without a search_path of its own it becomes a part of the statement that calls it, for each of a million entities.
as $$
  select '{"operation": {"request": {"timestamp": ' || _at::text || ', "name": ' || _name || ', "parameters": ' || _parameters
    || ', "id": "' || _job_id::text || '-' || _key::text || '"}}}';
$$;
comment on function pgjobs.operation_body(bigint, bigint, text, text, bigint) is
  'The message of an operation for one entity; id is the correlation id of its answer. Name and parameters are JSON, at is in milliseconds.';
