-- Reads: xmp_jobs, xmp_job_types   Writes: shards, xmp_jobs (status)
create or replace function pgjobs.fail_job(_job_id bigint, _shard integer, _epoch bigint, _clean boolean, _code text, _sentence text, _late_key bigint default null)
returns void
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  _job public.xmp_jobs;
begin
  -- First the job, then its shards, as whoever changes its status locks them.
  select * into _job from public.xmp_jobs j where j.id = _job_id for update;
  if _code = 'syntax' then
    _code := 'selection';
    -- A null that is put in with %s leaves a hole in the statement.
    _sentence := coalesce((
      select concat(_sentence, '; that is the statement of ' || t.selector, ', and the job gives no ' || string_agg(n.name, ', ' order by n.place))
      from public.xmp_job_types t
      left join lateral unnest(t.params) with ordinality n (name, place) on n.name <> 'dry_run' and coalesce(_job.params -> n.name, 'null') = 'null'
      where t.name = _job.type::text
      group by t.selector), _sentence);
  end if;
  update pgjobs.shards p
  set owner = null, lease_until = null, updated_at = clock_timestamp(), note = null, error = _sentence,
      late_key = coalesce(p.late_key, _late_key),
      in_flight_to = case when _clean then p.after_key else p.in_flight_to end
  where p.job_id = _job_id and p.shard = _shard and p.epoch = _epoch and p.lease_until > clock_timestamp() and p.finished_at is null;
  if found then
    perform set_config('pgjobs.reason', format('%s: %s', _code, _sentence), true);
    update public.xmp_jobs j set status = 'error' where j.id = _job_id and j.status = 'in progress';
    perform set_config('pgjobs.reason', '', true);
    -- Suppressed, it would be taken up again and fail again, and nobody would be told.
    if exists (select from public.xmp_jobs j where j.id = _job_id and j.status = 'in progress') then
      perform pgjobs.refuse_suppressed('error');
    end if;
    if _job.status::text = 'ready' then
      -- Stopped and resumed meanwhile: it is tried again.
      perform pgjobs.schedule_shards(_job_id, 'ready', _job.active, _job.run_at::timestamptz, _job.priority::smallint, _job.start_asked);
    end if;
  end if;
end;
$$;
comment on function pgjobs.fail_job(bigint, integer, bigint, boolean, text, text, bigint) is
  'Breaks a job off with a sentence that names the thing to mend (with the code syntax: names the selector as well, and the parameters of its type that the job does not give); it can be resumed and continues where it was, unless a key came late (late_key). One that was resumed meanwhile is tried again. Raises where the change to error is suppressed.';
