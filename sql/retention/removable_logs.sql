-- Reads: log_segments   Writes: nothing
create or replace function pgjobs.removable_logs(_host text, _most bigint default 1000)
returns table (job_id bigint, shard integer, segment integer, path text)
language sql
stable
security definer
set search_path = pg_catalog, pg_temp
as $$
  select s.job_id, s.shard, s.segment, s.path
  from pgjobs.log_segments s
  where s.host = _host and s.remove_asked_at is not null and s.removed_at is null
  limit _most;
$$;
comment on function pgjobs.removable_logs(text, bigint) is
  'Log files of a host that are to be removed, for their keep time is over; no job writes to them any more.';
