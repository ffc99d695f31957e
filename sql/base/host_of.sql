-- Reads: nothing   Writes: nothing
create or replace function pgjobs.host_of(_url text)
returns text
language sql
immutable
as $$
  select coalesce(lower(substring(_url from '^[A-Za-z]+://(?:[^/?#]*@)?([^/?#]+)')), '');
$$;
comment on function pgjobs.host_of(text) is 'Host and port of an address, without its user and password; empty where there is none.';
