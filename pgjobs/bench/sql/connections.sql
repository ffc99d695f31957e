-- How many sessions this database has besides the one that asks.
select count(*) from pg_stat_activity a where a.datname = current_database() and a.pid <> pg_backend_pid()
