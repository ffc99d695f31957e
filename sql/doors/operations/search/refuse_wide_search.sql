-- Reads: nothing   Writes: nothing
create or replace function pgjobs.refuse_wide_search(_looked bigint)
returns void
language plpgsql
stable
set search_path = pg_catalog, pg_temp
as $$
begin
  if _looked > pgjobs.most_looked_at() then
    perform pgjobs.refuse('PJ400', 'too_wide', 'filter', format('filter: to answer this, more than %s rows would have to be looked at', pgjobs.most_looked_at()),
      'narrow it by jobId, operationId, taskId or operationName, joined to the rest with and');
  end if;
end;
$$;
comment on function pgjobs.refuse_wide_search(bigint) is 'Refuses (PJ400) a search that has looked at too many rows, and still has not found what it is to show.';
