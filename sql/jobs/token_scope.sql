-- Reads: tokens   Writes: nothing
create or replace function pgjobs.token_scope(_sha256 bytea)
returns text
language sql
stable
security definer
set search_path = pg_catalog, pg_temp
as $$
  select t.scope from pgjobs.tokens t
  where t.sha256 = _sha256 and (t.expires_at is null or t.expires_at > clock_timestamp());
$$;
comment on function pgjobs.token_scope(bytea) is
  'What the token with this SHA-256 may do: read or control; null when there is none or it has expired.';
