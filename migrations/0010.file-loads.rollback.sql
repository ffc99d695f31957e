-- The operator's table keeps the column it was given.
drop table pgjobs.file_loads;
