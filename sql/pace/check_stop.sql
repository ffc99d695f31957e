-- Reads: xmp_job_types   Writes: nothing
create or replace function pgjobs.check_stop(
  _stop_at timestamptz, _run_at timestamptz, _max_backlog bigint, _schedule jsonb, _type text, _params jsonb,
  _table text default 'public.xmp_jobs')
returns void
language plpgsql
stable
set search_path = pg_catalog, pg_temp
set timezone = 'UTC'
as $$
declare
  _registered public.xmp_job_types;
begin
  select * into _registered from public.xmp_job_types t where t.name = _type;
  if not isfinite(_stop_at) then
    perform pgjobs.refuse('PJ400', 'bad_stop_at', 'stop_at', format('stop_at: %s is no moment', _stop_at), 'give a moment, or null for none');
  end if;
  if _stop_at <= _run_at then
    perform pgjobs.refuse('PJ400', 'bad_stop_at', 'stop_at',
      format('stop_at: %s is not after run_at, %s', pgjobs.moment_text(_stop_at), pgjobs.moment_text(_run_at)),
      'give a later moment, or null for none');
  end if;
  if _schedule ?| '{local_time,scattering}' or _registered.schedule ?| '{local_time,scattering}' then
    perform pgjobs.check_whole_schedule(coalesce(_registered.schedule, '{}') || _schedule, _stop_at, _registered.selector, _table);
  end if;
  if (_registered.schedule || _schedule) -> 'local_time' = 'true' and coalesce(_params ->> 'count', '') not in ('', '0') and not _registered.needs_file then
    perform pgjobs.refuse_field('schedule.local_time', 'a job with count can''t be cut by the zones of its records',
      'leave out count or local_time', _table);
  end if;
  if (_registered.schedule || _schedule) -> 'local_time' = 'true' then
    perform pgjobs.check_zones(_registered.tracked, _registered.selector, _table);
  end if;
  if _max_backlog is not null and _registered.exchange <> '' and _registered.queue is null then
    perform pgjobs.refuse('PJ400', 'bad_max_backlog', 'max_backlog',
      format('max_backlog: type %s publishes to an exchange, and nothing says whose length counts', left(_type, 100)),
      'set queue of this type in xmp_job_types, or leave max_backlog out', _table);
  end if;
end;
$$;
comment on function pgjobs.check_stop(timestamptz, timestamptz, bigint, jsonb, text, jsonb, text) is
  'Refuses (PJ400) a job, or a task, that would stop before it runs, whose schedule lacks something of the rest of it or of its type, or whose backlog is of a queue that nobody knows.';
