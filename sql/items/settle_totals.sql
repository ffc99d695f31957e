-- Reads: item_counts   Writes: open_totals, item_totals
create or replace function pgjobs.settle_totals(_job_id bigint)
returns void
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
as $$
declare
  _type text;
begin
  delete from pgjobs.open_totals o where o.job_id = _job_id returning o.type into _type;
  if found then
    perform pgjobs.add_totals(_job_id, _type, 1);
  end if;
end;
$$;
comment on function pgjobs.settle_totals(bigint) is
  'Adds the items of a job, none of which is open any more, to the totals of its type, once; nothing where these are not kept.';
