-- Who may do what: the engine's roles own everything; everybody else gets only what is listed here.
revoke all on schema pgjobs from public;
grant usage on schema pgjobs to public;
revoke all on all tables in schema pgjobs from public;
revoke execute on all functions in schema pgjobs from public;
-- The doors of SQL run with the caller's own rights on xmp_jobs, so they may be open to all who may log in.
grant execute on function pgjobs.now() to public;
