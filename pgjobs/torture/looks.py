"""What a random run looks at in the database: how far it is, what moves, and what broke off."""

PROGRESS = (
    "select count(*), count(*) filter (where j.status = 'done'),"
    " coalesce(sum((select sum(p.considered) from pgjobs.shards p where p.job_id = j.id)), 0)::bigint"
    " + (select coalesce(sum(c.n), 0)::bigint from pgjobs.item_counts c where c.status in ('s', 'f', 't'))"
    " from public.xmp_jobs j"
)
MOVING = (
    "select j.id, j.status::text, pgjobs.why(j.id),"
    " coalesce((select sum(p.considered + p.epoch) from pgjobs.shards p where p.job_id = j.id), 0)::bigint,"
    " coalesce((select sum(c.n) from pgjobs.item_counts c where c.job_id = j.id and c.status in ('w', 'l', 'r')), 0)"
    " from public.xmp_jobs j where j.status <> 'done' and not exists ("
    "select from pgjobs.cancellations c where c.job_id = j.id and c.closed_at is not null) order by j.id"
)
ERRORS = (
    "select e.job_id, e.reason from pgjobs.events e where e.to_status = 'error'"
    " and coalesce(e.reason, '') not like 'log_io:%%' and coalesce(e.reason, '') not like %s"
)
