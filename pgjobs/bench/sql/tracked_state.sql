-- How far a tracked job is: items are written, everything is sent, so many items are closed as good; and the time.
select p.attempt is not null, p.round_over, coalesce(c.n, 0), clock_timestamp()
from pgjobs.shards p
left join lateral (select sum(k.n)::bigint as n from pgjobs.item_counts k where k.job_id = p.job_id and k.status = 's') c on true
where p.job_id = %(id)s and p.shard = 0
