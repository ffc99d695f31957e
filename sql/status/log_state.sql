-- Reads: xmp_jobs, shards, log_segments   Writes: nothing
create or replace function pgjobs.log_state(_id bigint)
returns jsonb
language plpgsql
stable
security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  perform pgjobs.need_job(_id);
  -- In one statement, so that whoever is told that nothing more comes is told of all that came.
  return (
    select jsonb_build_object(
      'status', j.status,
      'ended', j.status::text not in ('ready', 'in progress') and not exists (
        select from pgjobs.shards p where p.job_id = _id and p.owner is not null and p.lease_until > clock_timestamp()),
      'files', (
        select coalesce(jsonb_agg(jsonb_build_object('shard', s.shard, 'host', s.host, 'path', s.path, 'bytes', s.bytes,
                                                     'removed', s.remove_asked_at is not null) order by s.shard, s.segment), '[]')
        from pgjobs.log_segments s where s.job_id = _id))
    from public.xmp_jobs j where j.id = _id);
end;
$$;
comment on function pgjobs.log_state(bigint) is
  'What a reader of a job''s log needs to know, as {"status", "ended", "files": [{"shard", "host", "path", "bytes", "removed"}]}: each file is authoritative up to so many bytes; ended: nothing more is added to them unless the job is resumed. Refuses (PJ404) when there is no such job.';
