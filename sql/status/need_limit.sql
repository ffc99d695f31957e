-- Reads: nothing   Writes: nothing
create or replace function pgjobs.need_limit(_limit bigint)
returns void
language plpgsql
stable
set search_path = pg_catalog, pg_temp
as $$
begin
  if _limit not between 1 and 1000 then
    perform pgjobs.refuse('PJ400', 'bad_limit', 'limit', format('limit: %s is out of range', _limit), 'give a number from 1 to 1000');
  end if;
end;
$$;
comment on function pgjobs.need_limit(bigint) is 'Refuses (PJ400) a page of jobs that has no size or too many jobs; null is the usual size.';
