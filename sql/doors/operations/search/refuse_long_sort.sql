-- Reads: nothing   Writes: nothing
create or replace function pgjobs.refuse_long_sort(_more boolean)
returns void
language plpgsql
stable
set search_path = pg_catalog, pg_temp
as $$
begin
  if _more then
    perform pgjobs.refuse('PJ400', 'too_many', 'filter', format('filter: more than %s rows match', pgjobs.most_sorted()),
      'narrow it by jobId, taskId or operationName; without sort and summary any number of rows can be paged through');
  end if;
end;
$$;
comment on function pgjobs.refuse_long_sort(boolean) is 'Refuses (PJ400) to sort or to count what has more rows than most_sorted().';
