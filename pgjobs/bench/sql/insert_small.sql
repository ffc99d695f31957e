-- Many small jobs in one statement, due at the same moment, so many seconds from now: the id of the first one, the moment
-- of the end of the statement, and the one at which they are due.
with made as (
  insert into public.xmp_jobs (type, params, run_at)
  select %(type)s, %(params)s, now() + make_interval(secs => %(delay)s)
  from generate_series(1, %(number)s)
  returning id
)
select min(id), extract(epoch from clock_timestamp())::float8, extract(epoch from now())::float8 + %(delay)s from made
