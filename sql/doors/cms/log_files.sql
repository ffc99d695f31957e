-- Reads: xmp_jobs, log_segments   Writes: nothing
create or replace function pgjobs.log_files(_id bigint)
returns table (shard integer, host text, path text, bytes bigint, removed boolean)
language plpgsql
stable
security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  perform pgjobs.need_job(_id);
  return query
    select s.shard, s.host, s.path, s.bytes, s.remove_asked_at is not null
    from pgjobs.log_segments s
    where s.job_id = _id
    order by s.shard, s.segment;
end;
$$;
comment on function pgjobs.log_files(bigint) is
  'The files of a job''s log in their order, each authoritative up to so many bytes; removed: its keep time is over. Refuses (PJ404) when there is no such job.';
