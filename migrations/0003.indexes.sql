-- The indexes that the selections rely on are made by pgjobs.index_steps(), whatever the operator's tables are: tables, partitioned or views.
-- depends: 0002.engine
select;
