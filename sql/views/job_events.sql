-- Every transition of every job, and what was remarked.
create or replace view pgjobs.job_events as
select e.job_id, e.at, e.from_status, e.to_status, e.role, e.application, e.reason, e.id, e.actor
from pgjobs.events e;
comment on view pgjobs.job_events is
  'Every transition with its time and reason, and who made it: the role that logged in, its application, and the actor on whose behalf it did so (a token, an address, a daemon); a remark has no to_status, only a reason.';
