-- The items of a job that wait for an answer, as their messages name them.
select i.job_id || '-' || i.key from pgjobs.items i where i.job_id = %(id)s and i.status = 'l' order by i.key
