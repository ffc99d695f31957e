-- The operator's tables keep the columns they were given; everything in schema pgjobs goes, and the triggers with it,
-- so that xmp_jobs can be written as before. The next migrate brings it all back.
drop schema pgjobs cascade;
create schema pgjobs;
revoke create on schema pgjobs from public;
