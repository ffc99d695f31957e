-- Reads: nothing   Writes: nothing
create or replace function pgjobs.zone_name(_zone text)
returns text
language sql
immutable
as $$
  -- After a name, PostgreSQL counts an offset to the west of Greenwich; people and ISO 8601 count it to the east.
  select case
    when _zone ~ '^[+-]' then
      rtrim(regexp_replace(_zone, '^.(..):?(.*)$', format('<%s>%s\1:\2', _zone, translate(left(_zone, 1), '+-', '-+'))), ':')
    when _zone = 'Z' then 'UTC'
    else _zone
  end
$$;
comment on function pgjobs.zone_name(text) is
  'A zone as "at time zone" reads it: an offset such as +02:00 means what ISO 8601 says, Z is UTC, a name stays as it is.';
