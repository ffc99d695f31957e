-- Reads: nothing   Writes: tokens
create or replace function pgjobs.add_token(
  _name text, _sha256 bytea, _scopes text[], _expires_at timestamptz, _record jsonb default '{}')
returns void
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
as $$
begin
  if coalesce(_name, '') !~ '^[[:graph:]]{1,100}$' then
    perform pgjobs.refuse('PJ400', 'bad_name', 'name', format('name: %L can''t name a token', _name),
      'give 1 to 100 characters without spaces', 'pgjobs.tokens');
  elsif strpos(_name, ':') > 0 then
    perform pgjobs.refuse('PJ400', 'bad_name', 'name', format('name: %L holds a colon, where the user name of HTTP Basic ends', _name),
      'give it without', 'pgjobs.tokens');
  elsif coalesce(length(_sha256), 0) <> 32 then
    perform pgjobs.refuse('PJ400', 'bad_sha256', 'sha256', 'sha256: it does not have 32 bytes', 'give the SHA-256 of the token', 'pgjobs.tokens');
  elsif coalesce(cardinality(_scopes), 0) = 0 or not _scopes <@ pgjobs.known_scopes() then
    perform pgjobs.refuse('PJ400', 'bad_scope', 'scope',
      format('scope: %L is unknown', (select left(s, 100) from unnest(_scopes) s where s = any (pgjobs.known_scopes()) is not true limit 1)),
      'use some of ' || array_to_string(pgjobs.known_scopes(), ', '), 'pgjobs.tokens');
  elsif jsonb_typeof(_record) is distinct from 'object' or length(_record::text) > 8192 then
    perform pgjobs.refuse('PJ400', 'bad_record', 'record', 'record: it is no JSON object of at most 8 KB', 'give names and values, or leave it out',
      'pgjobs.tokens');
  elsif _expires_at <= clock_timestamp() then
    perform pgjobs.refuse('PJ400', 'bad_expires_at', 'expires_at', 'expires_at: this moment has passed',
      'give a moment to come, or null for a token that does not expire', 'pgjobs.tokens');
  end if;
  insert into pgjobs.tokens (name, sha256, scopes, record, created_at, expires_at)
  values (_name, _sha256, _scopes, _record, clock_timestamp(), _expires_at)
  on conflict do nothing;
  if not found then
    perform pgjobs.refuse('PJ409', 'token_exists', 'name', format('there is a token %s already', _name),
      'drop it first, or choose another name', 'pgjobs.tokens');
  end if;
end;
$$;
comment on function pgjobs.add_token(text, bytea, text[], timestamptz, jsonb) is
  'Lets the token with this SHA-256 through the HTTP doors (scopes as pgjobs.known_scopes() has them, null expires_at: for good; record: what doors tell of its holder); the token itself is stored nowhere. Refuses (PJ400, PJ409).';
