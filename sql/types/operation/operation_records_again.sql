-- Reads: nothing   Writes: nothing
create or replace function pgjobs.operation_records_again(_job bigint, _key bigint, _body bytea)
returns bytea
language sql
stable
set search_path = pg_catalog, pg_temp
as $$
  select convert_to(jsonb_set(convert_from(_body, 'UTF8')::jsonb, '{operation,request}', convert_from(_body, 'UTF8')::jsonb #> '{operation,request}'
    || jsonb_build_object('id', concat(_job, '-', _key), 'timestamp', floor(extract(epoch from pgjobs.now()) * 1000)::bigint))::text, 'UTF8');
$$;
comment on function pgjobs.operation_records_again(bigint, bigint, bytea) is
  'The message of an operation of an earlier job, as another job sends it: with the id of its own item, and its own moment.';
