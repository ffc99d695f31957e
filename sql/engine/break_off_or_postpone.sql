-- Reads: nothing   Writes: xmp_jobs (status), postponed_jobs
create or replace function pgjobs.break_off_or_postpone(_job_id bigint, _sqlstate text, _message text)
returns void
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
set client_min_messages = 'notice'
as $$
declare
  -- A sentence of somebody's trigger may have any length and any characters.
  _words text := left(coalesce(nullif(btrim(regexp_replace(_message, '[[:cntrl:]]+', ' ', 'g')), ''), 'no reason is given'), 1000);
  _sentence text := case when _sqlstate like 'PJ%' then _words else format('the database refuses its start: %s (%s)', _words, _sqlstate) end;
  _status text;
  _now timestamptz := clock_timestamp();
begin
  -- Deadlocks, locks that were not free, servers that are away and the like say nothing about the job.
  if _sqlstate !~ '^(08|40|53|57|58|25006|55P03)' then
    begin
      perform set_config('pgjobs.reason', _sentence, true);
      update public.xmp_jobs j set status = 'error' where j.id = _job_id;
      select j.status::text into _status from public.xmp_jobs j where j.id = _job_id;
      set constraints all immediate;
      perform set_config('pgjobs.reason', '', true);
      if _status = 'error' then
        raise notice using
          message = format('job %s ends with error: %s', _job_id, _sentence),
          constraint = 'job_broken_off', schema = 'pgjobs';
        return;
      end if;
    exception when others or assert_failure then
      null;
    end;
  else
    _sentence := format('its start did not succeed: %s (%s)', _words, _sqlstate);
  end if;
  insert into pgjobs.postponed_jobs as o (job_id, sqlstate, sentence, since, retry_at)
  values (_job_id, _sqlstate, _sentence, _now, _now + interval '1 s')
  on conflict (job_id) do update
  set sqlstate = excluded.sqlstate, sentence = excluded.sentence, attempts = o.attempts + 1,
      retry_at = _now + least(interval '5 min', interval '1 s' * power(2, least(o.attempts, 10)));
  raise notice using
    message = format('job %s is set aside: %s', _job_id, _sentence), constraint = 'job_postponed', schema = 'pgjobs';
end;
$$;
comment on function pgjobs.break_off_or_postpone(bigint, text, text) is
  'What becomes of a job whose start was refused: it ends in error with the sentence of the refusal; where that is refused too, or the trouble passes by itself, it is set aside with a pause that grows to five minutes. Either is told to the caller by a notice of schema pgjobs, whose constraint name is job_broken_off or job_postponed.';
