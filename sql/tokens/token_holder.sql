-- Reads: tokens   Writes: nothing
create or replace function pgjobs.token_holder(_sha256 bytea)
returns table (name text, scopes text[], record jsonb)
language sql
stable
security definer
set search_path = pg_catalog, pg_temp
as $$
  select t.name, t.scopes, t.record from pgjobs.tokens t
  where t.sha256 = _sha256 and (t.expires_at is null or t.expires_at > clock_timestamp());
$$;
comment on function pgjobs.token_holder(bytea) is
  'The name of the token with this SHA-256 and what it may do, and what else is known of its holder; no row when there is none or it has expired.';
