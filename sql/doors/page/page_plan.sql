-- Reads: xmp_jobs, xmp_job_types, shards, checkpoints, events, holds, switch, holidays   Writes: nothing
create or replace function pgjobs.page_plan(_id bigint)
returns jsonb
language plpgsql
stable
security definer
set search_path = pg_catalog, pg_temp
set timezone = 'UTC'
as $$
begin
  return (select jsonb_agg(to_jsonb(p) order by p.begins) from (select * from pgjobs.plan(_id) limit 50) p);
end;
$$;
comment on function pgjobs.page_plan(bigint) is
  'In which intervals a job would run, and how fast, as a JSON array of 50 at most; null where nobody can say.';
