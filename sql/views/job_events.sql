-- Every transition of every job, and what was remarked.
create or replace view pgjobs.job_events as
select e.job_id, e.at, e.from_status, e.to_status, e.role, e.application, e.reason, e.id
from pgjobs.events e;
comment on view pgjobs.job_events is 'Every transition with its time, role, application and reason; a remark has no states, only a reason.';
