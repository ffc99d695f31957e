-- Reads: nothing   Writes: xmp_jobs (status), shards
create or replace function pgjobs.break_off_or_postpone(_job_id bigint, _shard integer, _sqlstate text, _message text)
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
begin
  -- Whoever claims holds locks on shards, so it never waits for the row of a job.
  perform from public.xmp_jobs j where j.id = _job_id for update skip locked;
  -- Deadlocks, locks that were not free, servers that are away and the like say nothing about the job.
  if found and _sqlstate !~ '^(08|40|53|57|58|25006|55P03)' then
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
  update pgjobs.shards p
  set note = _sentence, failures = p.failures + 1,
      due_at = pgjobs.now() + least(interval '5 min', interval '1 s' * power(2, least(p.failures, 10)))
  where p.job_id = _job_id and p.shard = _shard;
  raise notice using
    message = format('job %s is set aside: %s', _job_id, _sentence), constraint = 'job_postponed', schema = 'pgjobs';
end;
$$;
comment on function pgjobs.break_off_or_postpone(bigint, integer, text, text) is
  'What becomes of a job whose start, or whose end, was refused: it ends in error with the sentence of the refusal; where that is refused too, or the trouble passes by itself, the shard is set aside with that sentence and a pause that grows to five minutes. Either is told to the caller by a notice of schema pgjobs, whose constraint name is job_broken_off or job_postponed.';
