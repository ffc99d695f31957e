-- Reads: nothing   Writes: retention, and what the rule that is due clears
create or replace function pgjobs.clear_history(_most bigint default 5000)
returns boolean
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
set timezone = 'UTC'
as $$
declare
  _rule pgjobs.retention;
  _until timestamptz;
begin
  -- The lock keeps a second daemon, whose election has just passed on, from the same rows.
  select * into _rule from pgjobs.retention r
  where r.keep is not null and r.next_at <= clock_timestamp()
  order by r.next_at, r.what limit 1 for update skip locked;
  if not found then
    return false;
  end if;
  _until := pgjobs.now() - _rule.keep;
  -- A rule that has come to its end sets when it is looked at again.
  _rule.next_at := clock_timestamp();
  begin
    _rule := case _rule.what
      when 'callbacks' then pgjobs.clear_rows(_rule, 'pgjobs.callbacks', 'closed_at', _until, _most)
      when 'events' then pgjobs.clear_events(_rule, _until, _most)
      when 'switch_holds' then pgjobs.clear_rows(_rule, 'pgjobs.switch_holds', 'ends', _until, _most)
      when 'api_requests' then pgjobs.clear_rows(_rule, 'pgjobs.api_requests', 'asked_at', _until, _most)
      when 'requests' then pgjobs.clear_rows(_rule, 'pgjobs.requests', 'at', _until, _most)
      else pgjobs.clear_ended(_rule, _until, _most)
    end;
  exception when others then
    -- It would be due first again and again, and no other rule would have its turn.
    _rule.next_at := clock_timestamp() + interval '10 minutes';
    _rule.trouble := format('%s (%s)', sqlerrm, sqlstate);
  end;
  update pgjobs.retention r
  set done_to = _rule.done_to, done_id = _rule.done_id, next_at = _rule.next_at, cleared = _rule.cleared, trouble = _rule.trouble
  where r.what = _rule.what;
  return exists (select from pgjobs.retention r where r.keep is not null and r.next_at <= clock_timestamp());
end;
$$;
comment on function pgjobs.clear_history(bigint) is
  'Clears a batch of what is older than its keep time, of the rule of pgjobs.retention that is due next: so many rows at most. A rule that fails keeps why in its column trouble, is tried again after ten minutes, and holds no other one up. True: there is more to be done now.';
