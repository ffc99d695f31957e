-- Reads: nothing   Writes: nothing
create or replace function pgjobs.add_steps(_kept jsonb, _more jsonb[])
returns table (steps jsonb, left_out integer)
language plpgsql
immutable
rows 1
as $$
-- Without a search_path of its own, which would be set for each of a thousand answers.
declare
  _most constant integer := 65536;
  _size integer := coalesce(octet_length(_kept::text), 0);
begin
  steps := _kept;
  left_out := 0;
  for _place in reverse cardinality(_more)..1 loop
    if _size > _most then
      left_out := left_out + 1;
    else
      steps := coalesce(steps, '[]') || _more[_place];
      _size := _size + octet_length(_more[_place]::text);
    end if;
  end loop;
  return next;
end;
$$;
comment on function pgjobs.add_steps(jsonb, jsonb[]) is
  'The steps of an item with those of further answers behind them, of which the latest come first here. Once there are more than 64 kB, those of further answers are left out; of how many answers, is told.';
