-- Of the jobs from an id on: how many are done, how many have ended otherwise, and when the last one did.
select count(*) filter (where status = 'done'), count(*) filter (where status in ('error', 'canceled')),
       extract(epoch from max(finish_at))::float8
from public.xmp_jobs where id >= %(first)s
