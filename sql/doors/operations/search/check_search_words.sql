-- Reads: nothing   Writes: nothing
create or replace function pgjobs.check_search_words(_filter jsonb, _map jsonb, _case_sensitive boolean)
returns void
language plpgsql
stable
set search_path = pg_catalog, pg_temp
as $$
declare
  _words constant jsonb := '{
    "jobStatus": ["INITIATING", "IDLE", "SCHEDULED", "IN_PROGRESS", "PAUSED", "CANCELLING", "CANCELLED", "FINISHED"],
    "operationStatus": ["PENDING_EXECUTION", "SCHEDULED", "IN_PROGRESS", "WAITING_FOR_CONNECTION", "FINISHED"],
    "taskState": ["ACTIVE", "INACTIVE", "FINISHED"]}';
  _odd record;
begin
  with recursive nodes as (
    select _filter as node
    union all
    select e.node
    from nodes n
    cross join lateral jsonb_each(n.node) o (operator, value)
    cross join lateral jsonb_array_elements(case when o.operator in ('and', 'or') then o.value end) e (node)
  )
  select f.name, v.value, w.words into _odd
  from nodes n
  cross join lateral jsonb_each(n.node) o (operator, value)
  cross join lateral jsonb_each(case when o.operator in ('eq', 'neq', 'in', 'nin') then o.value end) f (name, value)
  cross join lateral (select _words -> pgjobs.search_name(_map, f.name)) w (words)
  cross join lateral jsonb_array_elements_text(case jsonb_typeof(f.value) when 'array' then f.value else jsonb_build_array(f.value) end) v (value)
  where not w.words ? case when _case_sensitive then v.value else upper(v.value) end
  limit 1;
  if found then
    perform pgjobs.refuse('PJ400', 'bad_filter', 'filter', format('filter: there is no %s %s', _odd.name, left(_odd.value, 100)),
      'it is one of ' || (select string_agg(w, ', ') from jsonb_array_elements_text(_odd.words) w));
  end if;
end;
$$;
comment on function pgjobs.check_search_words(jsonb, jsonb, boolean) is
  'Refuses (PJ400) a status that there is not, where a search filter compares one by eq, neq, in or nin. The filter is one that filter_condition() takes.';
