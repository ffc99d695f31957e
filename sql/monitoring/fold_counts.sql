-- Reads: nothing   Writes: job_counts, item_totals
create or replace function pgjobs.fold_counts(_most bigint default 20000)
returns bigint
language sql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
  with totals as (
    delete from pgjobs.item_totals t
    where t.ctid = any (array(select f.ctid from pgjobs.item_totals f limit _most))
    returning t.type, t.status, t.n
  ), added as (
    insert into pgjobs.item_totals (type, status, n)
    select t.type, t.status, sum(t.n) from totals t group by t.type, t.status
  ), gone as (
    delete from pgjobs.job_counts c
    where c.ctid = any (array(select f.ctid from pgjobs.job_counts f limit _most))
    returning c.type, c.status, c.jobs, c.entered
  ), kept as (
    insert into pgjobs.job_counts (type, status, jobs, entered)
    select g.type, g.status, sum(g.jobs), sum(g.entered) from gone g group by g.type, g.status
  )
  select count(*) from gone;
$$;
comment on function pgjobs.fold_counts(bigint) is
  'Puts rows of job_counts and of item_totals, so many of each at most, together into one for each type and status; the sums stay as they are. Returns how many rows of job_counts were read.';
