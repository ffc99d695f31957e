-- What is wrong now, and what to do: the alerts for those who have no Prometheus, the worst first.
create or replace view pgjobs.alerts as
select a.name, r.severity, a.subject, a.since, a.summary,
  -- Of one job its number, so that the command can be copied.
  case when a.subject like 'job %' then regexp_replace(r.what_to_do, '\mJOB\M', substr(a.subject, 5), 'g') else r.what_to_do end as what_to_do
from (
  select * from pgjobs.daemon_alerts()
  union all select * from pgjobs.job_alerts()
  union all select * from pgjobs.retention_alerts()
) a
join pgjobs.alert_rules() r on r.name = a.name
order by r.severity = 'warning', a.since, a.name, a.subject;
comment on view pgjobs.alerts is 'What is wrong now, the worst first: one row for each alert that fires and what it is about, since when, and what to do.';
