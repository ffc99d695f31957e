-- Reads: nothing   Writes: shards, events
create or replace function pgjobs.leave_expansion(_job_id bigint, _said text)
returns void
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  update pgjobs.shards p set expand = false where p.job_id = _job_id and p.shard = 0 and p.expand;
  if found then
    perform pgjobs.add_event(_job_id, null, null, format('its items could not be written yet, which is tried again when it begins: %s', left(_said, 1000)));
  end if;
end;
$$;
comment on function pgjobs.leave_expansion(bigint, text) is
  'Writes the items of a job not in the background but when it begins, because of what the selection said; its events tell it.';
