-- Reads: xmp_jobs, and what the condition reads   Writes: nothing
create or replace function pgjobs.walk_jobs(_narrow jsonb, _condition text, _before bigint, _skip bigint, _take bigint, out ids bigint[], out more boolean)
language plpgsql
stable
set search_path = pg_catalog, pg_temp
as $$
declare
  _only constant bigint[] := case when jsonb_typeof(_narrow -> 'jobs') = 'array' then array(select e::bigint from jsonb_array_elements_text(_narrow -> 'jobs') e) end;
  _types constant text[] := array(select jsonb_array_elements_text(_narrow -> 'types'));
  _statuses constant text[] := array(select jsonb_array_elements_text(_narrow -> 'statuses'));
  _largest constant bigint := 20000;
  -- Without a condition each job is one of the page.
  _size bigint := case when _condition = 'true' then least(_largest, _skip + _take + 1) else least(_largest, 2 * _take + 20) end;
  _looked bigint := 0;
  _block bigint[];
  _matching bigint[];
begin
  ids := '{}';
  more := false;
  loop
    _block := pgjobs.next_jobs(_only, _types, _statuses, _before, _size);
    exit when cardinality(_block) = 0;
    _before := _block[cardinality(_block)];
    _looked := _looked + cardinality(_block);
    _matching := pgjobs.matching_jobs(_block, _types, _condition);
    ids := ids || _matching[least(_skip, _largest) + 1:];
    _skip := greatest(0, _skip - cardinality(_matching));
    if cardinality(ids) > _take then
      ids := ids[:_take];
      more := true;
      return;
    end if;
    exit when cardinality(_block) < _size;
    perform pgjobs.refuse_wide_search(_looked + 1);
    _size := least(_largest, 4 * _size);
  end loop;
end;
$$;
comment on function pgjobs.walk_jobs(jsonb, text, bigint, bigint, bigint) is
  'The newest jobs before this one for which the condition over j holds: so many are passed over, so many taken, and whether there are more. _narrow: {"jobs", "types", "statuses"}, among which it looks (jobs null: all). It goes through them in blocks, and refuses (PJ400) when it has looked at too many.';
