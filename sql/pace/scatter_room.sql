-- Reads: shards, holidays   Writes: events, paces
create or replace function pgjobs.scatter_room(
  _job_id bigint, _shard integer, _schedule jsonb, _stop_at timestamptz, _now timestamptz,
  out room bigint, out due_in interval)
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
as $$
declare
  _most constant numeric := _schedule #>> '{scattering,warning_max_rate}';
  _what constant text := 'job ' || _job_id;
  _words constant text := 'its scattering needs';
  _started timestamptz;
  _total numeric;
  _begun numeric;
  _time record;
  _rate numeric;
  _batch numeric;
begin
  -- What another shard is granted at this moment has to be seen.
  if exists (select from pgjobs.shards p where p.job_id = _job_id and p.shard > 0) then
    insert into pgjobs.paces (what, next_at) values (_what, '-infinity') on conflict do nothing;
    perform from pgjobs.paces p where p.what = _what for update;
  end if;
  -- Of a job with a limit only what is sent counts.
  select min(p.started_at), sum(p.estimate),
    sum(case when p.send_limit is null then p.considered else p.sent + p.returned end
        + case when p.owner is not null and p.shard <> _shard then p.granted else 0 end)
  into _started, _total, _begun
  from pgjobs.shards p where p.job_id = _job_id;
  -- What nobody expected is not held back: the stop might come before it is due.
  if _begun >= _total then
    return;
  end if;
  select * into _time from pgjobs.scatter_time(_schedule, _started, _stop_at, _now);
  if _time.elapsed >= _time.effective then
    return;
  end if;
  _rate := _total / _time.effective;
  if _shard = 0 and _rate > _most
     and not exists (select from pgjobs.events e where e.job_id = _job_id and e.to_status is null and starts_with(e.reason, _words)) then
    perform pgjobs.add_event(_job_id, null, null,
      format('%s %s per second, and its warning_max_rate is %s', _words, pgjobs.counted(ceil(_rate), 'record'), _most), _now);
  end if;
  -- Half a second's worth at a time: to count the open hours of many days takes some milliseconds.
  _batch := greatest(1, least(_total - _begun, floor(_rate * 0.5)));
  room := ceil(_total * _time.elapsed / _time.effective) - _begun;
  if room < _batch then
    room := 0;
    due_in := make_interval(secs => ((_begun + _batch - 1) / _rate - _time.elapsed)::double precision) + interval '1 ms';
  end if;
end;
$$;
comment on function pgjobs.scatter_room(bigint, integer, jsonb, timestamptz, timestamptz) is
  'How many records a scattered job may publish now: of all that it has as many as of its time are over (scatter_time()). None: how much open time until the next are due. Null: it is not limited, for the spread has ended, or more records came than were counted. Remarks once in the events of the job if the spread needs more records per second than its warning_max_rate.';
