-- What became of the records of a job, by action and code.
create or replace view pgjobs.job_outcomes as
select o.job_id, o.action, coalesce(c.words, nullif(o.code, '')) as reason, sum(o.n)::bigint as records, nullif(o.code, '') as code
from pgjobs.outcomes o
left join pgjobs.record_codes() c on c.code = o.code
group by o.job_id, o.action, o.code, c.words;
comment on view pgjobs.job_outcomes is
  'Records of a job by action (sent, skip) and code; reason is the code in words, without the particulars of a record. What the broker gave back is a skip whose code begins with returned_.';
