-- Reads: tokens   Writes: nothing
create or replace function pgjobs.list_tokens()
returns table (name text, scopes text[], created_at timestamptz, expires_at timestamptz, expired boolean)
language sql
stable
set search_path = pg_catalog, pg_temp
as $$
  select t.name, t.scopes, t.created_at, t.expires_at, coalesce(t.expires_at <= clock_timestamp(), false)
  from pgjobs.tokens t
  order by t.name;
$$;
comment on function pgjobs.list_tokens() is
  'The tokens of the HTTP doors by name: what each may do, when it was made, and when it ends (null: never). Digests stay where they are.';
