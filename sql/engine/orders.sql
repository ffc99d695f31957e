-- Reads: xmp_jobs, xmp_job_types, switch, holds   Writes: nothing
create or replace function pgjobs.orders(_job_id bigint)
returns table (verdict text, pause interval, reason text, paced boolean)
language sql
stable
strict
rows 1
security definer
set search_path = pg_catalog, pg_temp
as $$
  select
    case when j.status::text <> 'in progress' then 'stop' when s.held or h.reason is not null then 'wait' else 'go' end,
    null::interval,
    case when s.held then pgjobs.held_reason() else h.reason end,
    num_nonnulls(j.rate, j.max_backlog, j.stop_at, t.rate, t.max_backlog) > 0
      or j.schedule <> '{}' or j.budget <> '{}' or t.schedule <> '{}' or t.budget <> '{}'
  from public.xmp_jobs j
  cross join pgjobs.switch s
  left join public.xmp_job_types t on t.name = j.type::text
  cross join lateral (select case when not j.active then pgjobs.pause_reason(j.id) end) h (reason)
  where j.id = _job_id;
$$;
comment on function pgjobs.orders(bigint) is
  'What the run of a shard has to do next: go on; wait, that is park the shard for this reason at the end of its window, until its job is active again and nothing is held; or stop. Paced: something limits what it may publish, and it asks grant_records() before each window. Every renewal and every checkpoint is answered with it.';
