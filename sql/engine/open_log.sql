-- Reads: log_segments, checkpoints   Writes: log_segments, xmp_jobs (log_path)
create or replace function pgjobs.open_log(_job_id bigint, _shard integer, _epoch bigint, _host text, _path text, _further boolean)
returns table (path text, bytes bigint, chain bytea)
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  _segment pgjobs.log_segments;
begin
  perform from pgjobs.shards p
  where p.job_id = _job_id and p.shard = _shard and p.epoch = _epoch and p.lease_until > clock_timestamp()
  for update;
  if not found then
    return;
  end if;
  select * into _segment
  from pgjobs.log_segments s
  where s.job_id = _job_id and s.shard = _shard
  order by s.segment desc
  limit 1;
  if not found or _segment.host <> _host or _further then
    insert into pgjobs.log_segments (job_id, shard, segment, epoch, host, path)
    values (_job_id, _shard, coalesce(_segment.segment, 0) + 1, _epoch, _host,
            case when coalesce(_segment.segment, 0) = 0 then _path
                 else regexp_replace(_path, '(\.[^./]*)?$', format('.%s\1', _segment.segment + 1)) end)
    returning * into _segment;
  else
    -- Nothing is in it yet, so it may as well move to where logs are written now.
    update pgjobs.log_segments s
    set epoch = _epoch, path = case when s.bytes = 0 and regexp_replace(s.path, '[^/]*$', '') <> regexp_replace(_path, '[^/]*$', '') then _path else s.path end
    where (s.job_id, s.shard, s.segment) = (_job_id, _shard, _segment.segment)
    returning * into _segment;
  end if;
  update public.xmp_jobs j set log_path = _segment.path where j.id = _job_id and _shard = 0 and j.log_path <> _segment.path;
  return query select _segment.path, _segment.bytes, coalesce((
    select c.chain from pgjobs.checkpoints c where c.job_id = _job_id and c.shard = _shard order by c.number desc limit 1), '');
end;
$$;
comment on function pgjobs.open_log(bigint, integer, bigint, text, text, boolean) is
  'The file a shard writes its log to, its committed length and the hash so far: the last segment when it lies on this host, else (or when asked) a further one. No row: fenced out.';
