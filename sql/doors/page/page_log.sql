-- Reads: shards, log_segments, and what page_head reads   Writes: nothing
create or replace function pgjobs.page_log(_id bigint)
returns jsonb
language plpgsql
stable
security definer
set search_path = pg_catalog, pg_temp
set timezone = 'UTC'
as $$
declare
  _head constant jsonb := pgjobs.page_head(_id);
begin
  return jsonb_build_object(
    'job', _head,
    'outcomes', exists (select from pgjobs.outcomes o where o.job_id = _id),
    'shards', (
      select coalesce(jsonb_agg(jsonb_build_object('shard', g.shard, 'bytes', g.bytes, 'updated_at', p.updated_at, 'files', g.files) order by g.shard), '[]')
      from (
        select s.shard, sum(s.bytes) as bytes,
          jsonb_agg(jsonb_build_object('host', s.host, 'path', s.path, 'bytes', s.bytes, 'removed', s.remove_asked_at is not null) order by s.segment) as files
        from pgjobs.log_segments s
        where s.job_id = _id
        group by s.shard) g
      left join pgjobs.shards p on p.job_id = _id and p.shard = g.shard));
end;
$$;
comment on function pgjobs.page_log(bigint) is
  'Where the log of a job lies, as JSON for the jobs page: its shards with their files in order, each authoritative up to so many bytes; removed: its keep time is over. Refuses (PJ404) where there is no such job.';
