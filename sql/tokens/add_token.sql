-- Reads: nothing   Writes: tokens
create or replace function pgjobs.add_token(_name text, _sha256 bytea, _scope text, _expires_at timestamptz)
returns void
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
as $$
begin
  if coalesce(_name, '') !~ '^[[:graph:]]{1,100}$' then
    perform pgjobs.refuse('PJ400', 'bad_name', 'name', format('name: %L can''t name a token', _name),
      'give 1 to 100 characters without spaces', 'pgjobs.tokens');
  elsif coalesce(length(_sha256), 0) <> 32 then
    perform pgjobs.refuse('PJ400', 'bad_sha256', 'sha256', 'sha256: it does not have 32 bytes', 'give the SHA-256 of the token', 'pgjobs.tokens');
  elsif coalesce(_scope, '') not in ('read', 'control') then
    perform pgjobs.refuse('PJ400', 'bad_scope', 'scope', format('scope: %L is unknown', _scope), 'use read or control', 'pgjobs.tokens');
  elsif _expires_at <= clock_timestamp() then
    perform pgjobs.refuse('PJ400', 'bad_expires_at', 'expires_at', 'expires_at: this moment has passed',
      'give a moment to come, or null for a token that does not expire', 'pgjobs.tokens');
  end if;
  insert into pgjobs.tokens (name, sha256, scope, created_at, expires_at)
  values (_name, _sha256, _scope, clock_timestamp(), _expires_at)
  on conflict do nothing;
  if not found then
    perform pgjobs.refuse('PJ409', 'token_exists', 'name', format('there is a token %s already', _name),
      'drop it first, or choose another name', 'pgjobs.tokens');
  end if;
end;
$$;
comment on function pgjobs.add_token(text, bytea, text, timestamptz) is
  'Lets the token with this SHA-256 through the HTTP door (scope read or control, null expires_at: for good); the token itself is stored nowhere. Refuses (PJ400, PJ409).';
