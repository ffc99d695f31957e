-- Reads: nothing   Writes: nothing
create or replace function pgjobs.search_parts(_given jsonb, _part text, _example text)
returns setof jsonb
language plpgsql
stable
set search_path = pg_catalog, pg_temp
as $$
declare
  _most constant integer := 10;
  _list constant jsonb := nullif(_given -> 'parameters', 'null');
begin
  perform pgjobs.check_known_keys(_given, _part, '{parameters}');
  if jsonb_typeof(_list) <> 'array' or jsonb_array_length(_list) > _most then
    perform pgjobs.refuse('PJ400', 'bad_' || _part, _part || '.parameters', format('%s.parameters: it has to be a list of at most %s fields', _part, _most),
      format('write {"parameters": [%s]}', _example));
  end if;
  return query select e.value from jsonb_array_elements(_list) with ordinality e (value, n) order by e.n;
end;
$$;
comment on function pgjobs.search_parts(jsonb, text, text) is
  'What a search gives to sort or to group by, one a row, in its order; none where it is not given. Refuses (PJ400) what is no list of at most ten.';
