-- The operator's tables are never dropped: they may have been there before. Only what 0002 added goes, with its own rollback.
drop schema if exists pgjobs cascade;
