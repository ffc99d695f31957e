-- Reads: xmp_jobs, xmp_job_types, shards   Writes: holds, xmp_jobs (active, status)
create or replace function pgjobs.handle_misfire(_job_id bigint)
returns boolean
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
set timezone = 'UTC'
as $$
declare
  _usual constant interval := interval '6 hours';
  _grace constant interval := interval '10 minutes';
  _late interval;
  _rule jsonb;
  _words text;
begin
  -- What somebody asked for, and what has begun, is not late.
  select pgjobs.now() - greatest(pgjobs.utc(j.run_at), p.scheduled_at), (t.schedule || j.schedule) -> 'misfire'
  into _late, _rule
  from public.xmp_jobs j
  left join public.xmp_job_types t on t.name = j.type::text
  join pgjobs.shards p on p.job_id = j.id and p.shard = 0
  where j.id = _job_id and not j.start_asked and p.started_at is null;
  if not found or _late <= _grace or _rule = '"run"'
     or _rule is distinct from '"skip"' and _late <= coalesce((_rule ->> 'run_if_within')::interval, _usual) then
    return false;
  end if;
  _words := format('it did not begin at its time, and now it is %s late', pgjobs.span_text(_late));
  if _rule = '"skip"' then
    perform set_config('pgjobs.reason', _words || '; its schedule.misfire says skip', true);
    update public.xmp_jobs j set status = 'canceled' where j.id = _job_id;
    perform set_config('pgjobs.reason', '', true);
    return true;
  end if;
  return pgjobs.hold_job(_job_id, 'misfire', _words || format('; to run it all the same, run "pgjobs start %s"', _job_id));
end;
$$;
comment on function pgjobs.handle_misfire(bigint) is
  'Whether a job that is due is too late to begin by itself, by schedule.misfire of the job or its type: run (never), skip (later than ten minutes: it is stopped), run_if_within (later than that: it is held until somebody starts it); without a rule it is held when it is more than six hours late.';
