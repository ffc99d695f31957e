-- Which part of its keys a job has behind it.
select coalesce(min((p.after_key - p.first_key)::double precision / nullif(p.end_key - p.first_key, 0)), 0)
from pgjobs.shards p
where p.job_id = %(id)s and p.considered > 0
