-- Reads: xmp_jobs, xmp_job_types, item_counts   Writes: nothing
create or replace function pgjobs.has_failed(_job_id bigint)
returns boolean
language sql
stable
set search_path = pg_catalog, pg_temp
as $$
  select coalesce((
    select case t.fails_with when 'any' then n.good < n.closed else n.good = 0 and n.closed > 0 end
    from public.xmp_jobs j
    join public.xmp_job_types t on t.name = j.type::text and t.tracked
    cross join lateral (
      select coalesce(sum(c.n) filter (where c.status = 's'), 0) as good,
             coalesce(sum(c.n) filter (where c.status in ('s', 'f', 't', 'c', 'x')), 0) as closed
      from pgjobs.item_counts c where c.job_id = j.id) n
    where j.id = _job_id and j.status::text = 'done' and t.fails_with is not null), false);
$$;
comment on function pgjobs.has_failed(bigint) is
  'Whether a job that is done counts as failed, because its type says so of any item that is not good, or where none is good (fails_with).';
