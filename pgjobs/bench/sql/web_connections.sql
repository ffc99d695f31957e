-- How many connections the web process has.
select count(*) from pg_stat_activity a where a.datname = current_database() and a.application_name in ('pgjobs web', 'pgjobs watch')
