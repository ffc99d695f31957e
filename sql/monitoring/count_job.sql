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
  if tg_op <> 'INSERT' then
    insert into pgjobs.job_counts (type, status, jobs) values (old.type::text, old.status::text, -1);
  end if;
  if tg_op <> 'DELETE' then
    insert into pgjobs.job_counts (type, status, jobs, entered)
    values (new.type::text, new.status::text, 1, case when tg_op = 'INSERT' or old.status is distinct from new.status then 1 else 0 end);
  end if;
  return null;
end;
$$;
comment on function pgjobs.count_job() is
  'Trigger: keeps the numbers of jobs by type and status, so that nobody has to count jobs.';
