-- Reads: nothing   Writes: nothing
create or replace function pgjobs.add_steps(_kept jsonb, _more jsonb[])
returns jsonb
language plpgsql
immutable
as $$
-- Without a search_path of its own, which would be set for each of a thousand answers.
declare
  _most constant integer := 65536;
  _size integer := coalesce(octet_length(_kept::text), 0);
begin
  for _place in reverse cardinality(_more)..1 loop
    exit when _size > _most;
    _kept := coalesce(_kept, '[]') || _more[_place];
    _size := _size + octet_length(_more[_place]::text);
  end loop;
  return _kept;
end;
$$;
comment on function pgjobs.add_steps(jsonb, jsonb[]) is
  'The steps of an item with those of further answers behind them, of which the latest come first here; once there are more than 64 kB, no more are kept.';
