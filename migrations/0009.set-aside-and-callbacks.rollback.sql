-- The operator's table keeps the column it was given.
drop index pgjobs.notifications_job_idx;
alter table pgjobs.notifications drop column in_flight_until, drop column host;
drop table pgjobs.callback_state;
drop table pgjobs.postponed_jobs;
