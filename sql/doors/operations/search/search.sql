-- Reads: what find_jobs, find_operations, find_tasks, show_found and table_found read   Writes: nothing
create or replace function pgjobs.search(_search text, _resource text, _body jsonb, _flags jsonb, _as_table boolean, _after jsonb default null)
returns table (answer jsonb, behind jsonb)
language plpgsql
stable
security definer
rows 1
set search_path = pg_catalog, pg_temp
set timezone = 'UTC'
as $$
declare
  _asked constant jsonb := pgjobs.read_search(_search, _resource, _body, _flags);
  _page record;
  _found record;
begin
  select * into _page from pgjobs.search_page(_body -> 'limit');
  if _search = 'jobs' then
    select * into _found from pgjobs.find_jobs(_asked, _page.start, _page.size, _after);
  elsif _search = 'operations' then
    select * into _found from pgjobs.find_operations(_asked, _page.start, _page.size, _after);
  else
    select * into _found from pgjobs.find_tasks(_asked, _page.start, _page.size);
  end if;
  behind := case when _found.more then _found.behind end;
  if cardinality(_found.jobs) = 0 then
    answer := null;
  elsif _as_table then
    answer := pgjobs.table_found(_search, _asked -> 'columns', _found.jobs, _found.keys);
  else
    answer := jsonb_build_object(
        _search, pgjobs.show_found(_search, _asked -> 'columns', _found.jobs, _found.keys),
        'page', jsonb_build_object('number', _page.start,
          -- Where nobody knows how many there are, there is one more at least.
          'of', greatest(_page.start + _found.more::integer, case when _found.more then ceil(_found.total::numeric / _page.size) end)))
      || case when (_flags ->> 'summary')::boolean then pgjobs.search_summary(_search, _resource, _body, _flags) else '{}' end;
  end if;
  return next;
end;
$$;
comment on function pgjobs.search(text, text, jsonb, jsonb, boolean, jsonb) is
  'What the door of operations answers to a search of jobs, operations (perhaps of entities of one type alone) or tasks: {"jobs": [...], "page": {"number", "of"}}, or a table; null: the page is empty. _body: {"filter", "limit", "sort", "select", "group"}; _flags: {"caseSensitive", "summary"}; behind: where the next page begins, to be given as _after with it: so it begins there whatever has been added meanwhile, and nothing is passed over again. Refuses (PJ400) what it does not know, and what would look at too many rows.';
