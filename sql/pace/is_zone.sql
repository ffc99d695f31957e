-- Reads: the time zone data of PostgreSQL   Writes: nothing
create or replace function pgjobs.is_zone(_zone text)
returns boolean
language plpgsql
stable
as $$
begin
  if _zone in ('UTC', 'GMT', 'Z') or _zone ~ '^[+-](0[0-9]|1[0-3])(:?[0-5][0-9])?$' or _zone ~ '^[+-]14(:?00)?$'
     or _zone ~ '^Etc/GMT([+-]?0|[+]([1-9]|1[0-2])|-([1-9]|1[0-4]))$' then
    return true;
  end if;
  -- A text with a digit may be read as a rule of POSIX ("Foo/Bar5") although there is no such zone. Asking pg_timezone_names
  -- would read some 600 files.
  if _zone ~ '^[A-Z][A-Za-z_]+(/[A-Z][A-Za-z_-]*)+$' then
    perform timestamp '2000-01-01' at time zone _zone;
    return true;
  end if;
  return false;
exception when invalid_parameter_value then
  return false;
end;
$$;
comment on function pgjobs.is_zone(text) is
  'Whether this is a time zone: a name with a slash that PostgreSQL knows, UTC, GMT, Z, or an offset up to 14 hours (+02:00, +0200, +02). Abbreviations such as CEST and rules of POSIX such as FOO5 are none.';
