-- Reads: nothing   Writes: events
create or replace function pgjobs.remark_run_at(_id bigint, _planned timestamptz)
returns jsonb
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
as $$
declare
  _remark constant text := format('its run_at of %s was replaced by now', pgjobs.moment_text(_planned));
begin
  if coalesce(_planned <= pgjobs.now(), true) then
    return '{}';
  end if;
  perform pgjobs.add_event(_id, null, null, _remark);
  return jsonb_build_object('remark', _remark);
end;
$$;
comment on function pgjobs.remark_run_at(bigint, timestamptz) is
  'Remarks in the events of a job that it begins now though it was planned for later, and answers with {"remark": ...}; with {} where that time has come already.';
