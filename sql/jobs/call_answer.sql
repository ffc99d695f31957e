-- Reads: calls, workers   Writes: nothing
create or replace function pgjobs.call_answer(_id bigint)
returns bigint
language plpgsql
stable
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  _call pgjobs.calls;
begin
  select * into strict _call from pgjobs.calls c where c.id = _id;
  if _call.error is not null then
    perform pgjobs.refuse('PJ503', 'call_failed', 'call', _call.error, 'mend what the sentence names and call again');
  end if;
  if _call.closed_at is null and clock_timestamp() > _call.expires_at and _call.owner is null then
    perform pgjobs.refuse('PJ503', 'no_daemon', 'call', 'no daemon took the call in time, nothing was published',
      'start one with "pgjobs daemon" and call again');
  end if;
  return case when _call.closed_at is not null then _call.published end;
end;
$$;
comment on function pgjobs.call_answer(bigint) is
  'How many messages a call has published; null while it is not finished; refuses (PJ503) when it failed or nobody took it in time.';
