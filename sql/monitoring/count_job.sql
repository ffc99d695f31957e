-- Reads: nothing   Writes: job_counts
create or replace function pgjobs.count_job()
returns trigger
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  -- Rows are only ever added: two transactions never wait for each other here.
  insert into pgjobs.job_counts (type, status, jobs, entered)
  select c.type, c.status, c.jobs, c.entered
  from (values (old.type::text, old.status::text, -1, 0),
               (new.type::text, new.status::text, 1, (old.status is distinct from new.status)::integer)) c (type, status, jobs, entered)
  where c.status is not null;
  return null;
end;
$$;
comment on function pgjobs.count_job() is
  'Trigger: keeps the numbers of jobs by type and status, so that nobody has to count jobs.';
