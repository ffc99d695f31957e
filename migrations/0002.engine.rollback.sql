-- The operator's tables keep the columns they were given; everything in schema pgjobs goes but the history, and the triggers with
-- it, so that xmp_jobs can be written as before. The next migrate brings it all back.
alter schema pgjobs rename to pgjobs_going;
create schema pgjobs;
revoke create on schema pgjobs from public;
alter table pgjobs_going._yoyo_migration set schema pgjobs;
alter table pgjobs_going._yoyo_log set schema pgjobs;
alter table pgjobs_going._yoyo_version set schema pgjobs;
drop schema pgjobs_going cascade;
