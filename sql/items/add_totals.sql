-- Reads: item_counts   Writes: item_totals
create or replace function pgjobs.add_totals(_job_id bigint, _type text, _times integer)
returns void
language sql
volatile
set search_path = pg_catalog, pg_temp
as $$
  -- Rows are only ever added: two transactions never wait for each other here.
  insert into pgjobs.item_totals (type, status, n)
  select _type, c.status, _times * sum(c.n)
  from pgjobs.item_counts c
  where c.job_id = _job_id and c.status in ('w', 'l', 'r', 's', 'f', 't', 'c', 'x')
  group by c.status
  having sum(c.n) <> 0;
$$;
comment on function pgjobs.add_totals(bigint, text, integer) is
  'Adds the items of a job to the totals of its type, or takes them away (_times: 1 or -1).';
