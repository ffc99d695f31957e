-- What became of the records of a job, by action and reason.
create or replace view pgjobs.job_outcomes as
select o.job_id, o.action, nullif(o.reason, '') as reason, sum(o.n)::bigint as records
from pgjobs.outcomes o
group by o.job_id, o.action, o.reason;
comment on view pgjobs.job_outcomes is 'Records of a job by action (sent, skip) and reason; reasons without their particulars.';
