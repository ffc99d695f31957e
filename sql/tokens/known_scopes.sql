-- Reads: nothing   Writes: nothing
create or replace function pgjobs.known_scopes()
returns text[]
language sql
immutable
as $$
  select '{read,control,all,cms:read,cms:control,partner:read,partner:control,mailings:read,mailings:control,operations:read,operations:control,page:read}'::text[];
$$;
comment on function pgjobs.known_scopes() is
  'What a token may be allowed: to look (read) or also to change something (control), at one door or, without its name, at each; all: to see the jobs of everybody at doors that show a caller only its own.';
