-- Reads: nothing   Writes: agents, reply_faults
create or replace function pgjobs.beat_agent(_body text)
returns void
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  _now timestamptz := clock_timestamp();
  _beat jsonb;
  _name text;
  _host text;
  _pid numeric;
  _holds numeric;
  _trouble text;
begin
  begin
    _beat := _body::jsonb;
  exception when others then
    -- No JSON, a character 0, a number beyond numeric, or nested too deeply.
    _beat := null;
  end;
  _name := case when jsonb_typeof(_beat -> 'agent') = 'string' then btrim(_beat ->> 'agent') end;
  if coalesce(_name, '') = '' or length(_name) > 200 or _name ~ '[[:cntrl:]]' then
    perform pgjobs.count_reply_fault('bad_beat', _body);
    return;
  end if;
  _host := case when jsonb_typeof(_beat -> 'host') = 'string' then left(_beat ->> 'host', 200) end;
  _pid := case when jsonb_typeof(_beat -> 'pid') = 'number' then trunc((_beat ->> 'pid')::numeric) end;
  _holds := case when jsonb_typeof(_beat -> 'holds') = 'number' then trunc((_beat ->> 'holds')::numeric) end;
  _trouble := case when jsonb_typeof(_beat -> 'trouble') = 'string' then nullif(left(btrim(_beat ->> 'trouble'), 500), '') end;
  _pid := case when _pid between 1 and 2147483647 then _pid end;
  insert into pgjobs.agents as a (name, types, host, pid, started_at, seen_at, holds, leaving, trouble)
  values (
    _name,
    array(
      select distinct left(t #>> '{}', 200)
      from jsonb_path_query(_beat, 'lax $.types[0 to 99]') t
      where jsonb_typeof(t) = 'string'
      order by 1),
    _host, _pid, _now, _now, greatest(0, least(coalesce(_holds, 0), 2147483647)), coalesce(_beat -> 'leaving' = 'true', false), _trouble)
  on conflict (name) do update
  set types = excluded.types, host = excluded.host, pid = excluded.pid, seen_at = _now, holds = excluded.holds,
      leaving = excluded.leaving, trouble = excluded.trouble,
      started_at = case
        when a.started_at is null or a.leaving and not excluded.leaving
             or (a.host, a.pid) is distinct from (excluded.host, excluded.pid) then _now
        else a.started_at end;
end;
$$;
comment on function pgjobs.beat_agent(text) is
  'The heartbeat of an agent, a JSON object: {"agent": its name, "types": [...], "holds": 3, "host": ..., "pid": ..., "leaving": false, "trouble": what keeps it from working}; only the name is needed, of 200 characters at most. What can''t be used is counted in pgjobs.reply_faults or left out, and is no error. The types need not be in the registry.';
