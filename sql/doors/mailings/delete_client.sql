-- Reads: open_totals   Writes: entities, and what cancel_items writes
create or replace function pgjobs.delete_client(_id bigint, _actor text)
returns void
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  perform pgjobs.set_actor(_actor);
  perform pgjobs.expect_client(_id);
  delete from pgjobs.entities e where e.number = _id;
  perform pgjobs.cancel_items(o.job_id, pgjobs.message_keys(o.job_id, _id)) from (select job_id from pgjobs.open_totals where type = 'mailing' order by job_id) o;
end;
$$;
comment on function pgjobs.delete_client(bigint, text) is
  'Removes a client of mailings from the directory, and closes its messages that are still open; they stay counted. Refuses (PJ404) where there is none.';
