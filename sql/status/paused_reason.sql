-- Reads: holds, xmp_jobs, xmp_job_types, shards   Writes: nothing
create or replace function pgjobs.paused_reason(_job_id bigint)
returns text
language sql
stable
set search_path = pg_catalog, pg_temp
as $$
  select pgjobs.pause_reason(_job_id)
    || coalesce((
      select format('; its stop at %s closes what is left all the same', pgjobs.moment_text(p.stop_at))
      from pgjobs.pace_of(_job_id) p where p.stop_at is not null), '');
$$;
comment on function pgjobs.paused_reason(bigint) is
  'Why a job that has begun and is not active waits, what lets it go on, and when its stop closes it; null once that has come.';
