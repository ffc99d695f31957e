-- Reads: events, shards, holds, switch_holds, checkpoints, uncertain_ranges   Writes: nothing
create or replace function pgjobs.job_bands(_job_id bigint)
returns table (kind text, begins timestamptz, ends timestamptz, reason text, by_whom text)
language plpgsql
stable
set search_path = pg_catalog, pg_temp
as $$
declare
  -- A takeover that is shorter is none that anybody would look for.
  _least constant interval := interval '3 seconds';
  _now timestamptz := pgjobs.now();
  _started timestamptz := (select min(p.started_at) from pgjobs.shards p where p.job_id = _job_id);
  _told jsonb;
  _over timestamptz;
  _own tstzmultirange := '{}';
  _held tstzmultirange := '{}';
  _band record;
  _part tstzrange;
begin
  if _started is null then
    return;
  end if;
  _told := coalesce((select jsonb_agg(to_jsonb(b)) from pgjobs.event_bands(_job_id) b), '[]');
  select b.begins into _over from jsonb_to_recordset(_told) b (kind text, begins timestamptz) where b.kind = 'over';
  _over := coalesce(_over, _now);
  select coalesce(range_agg(tstzrange(b.begins, b.ends)), '{}') into _own
  from jsonb_to_recordset(_told) b (kind text, begins timestamptz, ends timestamptz) where b.kind not in ('over', 'waiting');

  -- What is paused by itself as well is told once.
  for _band in
    select h.begins, coalesce(h.ends, _now) as ends, h.reason, h.role from pgjobs.switch_holds h
    where (h.ends is null or h.ends > _started) and h.begins < _over order by h.id desc limit 1000
  loop
    for _part in select r from unnest(tstzmultirange(
      tstzrange(greatest(_band.begins, _started), greatest(_band.begins, _started, least(_band.ends, _over)))) - _own) r
    loop
      kind := 'held'; begins := lower(_part); ends := upper(_part); reason := _band.reason; by_whom := _band.role;
      _held := _held + tstzmultirange(_part);
      return next;
    end loop;
  end loop;

  for _band in
    select * from jsonb_to_recordset(_told) b (kind text, begins timestamptz, ends timestamptz, reason text, by_whom text)
    where b.kind not in ('over', 'waiting')
  loop
    kind := _band.kind; begins := _band.begins; ends := _band.ends; reason := _band.reason; by_whom := _band.by_whom;
    return next;
  end loop;
  _own := _own + _held;

  for _band in
    select b.begins, b.ends, b.reason, b.by_whom, interval '0' as at_least
    from jsonb_to_recordset(_told) b (kind text, begins timestamptz, ends timestamptz, reason text, by_whom text) where b.kind = 'waiting'
    union all
    select l.begins, least(l.ends, _over), l.reason, l.by_whom, _least from pgjobs.lost_times(_job_id) l where l.begins < _over
    order by 1
  loop
    for _part in select r from unnest(tstzmultirange(tstzrange(_band.begins, greatest(_band.begins, _band.ends))) - _own) r
    loop
      continue when upper(_part) - lower(_part) < _band.at_least;
      kind := 'waiting'; begins := lower(_part); ends := upper(_part); reason := _band.reason; by_whom := _band.by_whom;
      _own := _own + tstzmultirange(_part);
      return next;
    end loop;
  end loop;
end;
$$;
comment on function pgjobs.job_bands(bigint) is
  'When a job that had begun stood still: paused by somebody, held by a rule of its own or by the kill switch, stopped or broken until it was resumed, waiting for a daemon (handed back by one, or for 3 seconds and more after its daemon was lost). No two overlap. by_whom: who did it. Times at which a window was closed are not among them.';
