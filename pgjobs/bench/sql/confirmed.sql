-- When how many messages of these jobs were confirmed: by their checkpoints, which are a little later.
select extract(epoch from c.at)::float8, c.sent + c.returned
from pgjobs.checkpoints c
where c.job_id = any (%(ids)s)
order by c.at
