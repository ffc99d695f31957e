-- The log of a job lies here and has so many bytes.
insert into pgjobs.log_segments (job_id, shard, segment, epoch, host, path, bytes)
values (%(id)s, 0, 1, 1, %(host)s, %(path)s, %(bytes)s)
on conflict (job_id, shard, segment) do update set host = excluded.host, path = excluded.path, bytes = excluded.bytes
