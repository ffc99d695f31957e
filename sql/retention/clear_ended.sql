-- Reads: xmp_jobs   Writes: what clear_of_job writes
create or replace function pgjobs.clear_ended(_rule pgjobs.retention, _until timestamptz, _most bigint)
returns pgjobs.retention
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  _job record;
  _gone bigint;
  _left bigint := _most;
begin
  for _job in
    select j.id, j.finish_at
    from public.xmp_jobs j
    where j.finish_at >= _rule.done_to and (j.finish_at, j.id) > (_rule.done_to, _rule.done_id) and j.finish_at < _until
    order by j.finish_at, j.id
    limit 500
  loop
    begin
      _gone := pgjobs.clear_of_job(_rule.what, _job.id, _job.finish_at, _left);
    exception when others then
      -- Somebody's trigger or foreign key keeps it; the others are cleared all the same.
      _rule.trouble := left(format('job %s: %s', _job.id, sqlerrm), 1000);
      _gone := 0;
    end;
    -- Its row is being written: the next call begins with it.
    if _gone is null then
      _rule.next_at := clock_timestamp() + interval '1 minute';
      return _rule;
    end if;
    _rule.cleared := _rule.cleared + _gone;
    _left := _left - _gone;
    if _left <= 0 then
      return _rule;
    end if;
    _rule.done_to := _job.finish_at;
    _rule.done_id := _job.id;
  end loop;
  if not exists (
    select from public.xmp_jobs j
    where j.finish_at >= _rule.done_to and (j.finish_at, j.id) > (_rule.done_to, _rule.done_id) and j.finish_at < _until)
  then
    _rule.next_at := clock_timestamp() + interval '1 hour';
  end if;
  return _rule;
end;
$$;
comment on function pgjobs.clear_ended(pgjobs.retention, timestamptz, bigint) is
  'Clears what a rule names of jobs that ended before a moment, in the order of their ends, each end once; so many rows and 500 jobs at most. A job that is open, or was resumed, is passed over. Returns the rule as it is now.';
