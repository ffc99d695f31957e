-- Reads: nothing   Writes: nothing
create or replace function pgjobs.whole(_number numeric)
returns bigint
language sql
immutable
as $$
  select case when _number is not null then round(least(greatest(_number, -9223372036854775808), 9223372036854775807))::bigint end;
$$;
comment on function pgjobs.whole(numeric) is 'A number as a bigint, bounded where it is too large for one.';
