-- Reads: nothing   Writes: api_requests
create or replace function pgjobs.withdraw_api_request(_id bigint)
returns void
language sql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
  update pgjobs.api_requests c
  set closed_at = clock_timestamp(), error = 'nobody took the call in time, nothing was published'
  where c.id = _id and c.owner is null and c.closed_at is null;
$$;
comment on function pgjobs.withdraw_api_request(bigint) is
  'Takes a call back that no daemon has taken; the row''s lock decides between the two. What api_response says afterwards is true for good.';
