-- Reads: nothing   Writes: nothing
create or replace function pgjobs.common_results()
returns text[]
language sql
immutable
set search_path = pg_catalog, pg_temp
as $$
  select '{SUCCESSFUL,ERROR,ERROR_PROCESSING,ERROR_IN_PARAM,NOT_SUPPORTED,ERROR_TIMEOUT,UNKNOWN_ERROR,REVOKED}'::text[];
$$;
comment on function pgjobs.common_results() is 'The results that an answer may have whatever its type says: what agents, Celery workers and devices say of any work.';
