-- Reads: what item_rules reads   Writes: nothing
create or replace function pgjobs.attempt_limits(_job_id bigint)
returns table (acked boolean, most interval)
language sql
stable
rows 2
set search_path = pg_catalog, pg_temp
as $$
  select m.acked, m.most
  from pgjobs.item_rules(_job_id) r
  cross join lateral (values (false, least(r.execution_limit, r.ack_limit)), (true, r.execution_limit)) m (acked, most)
  where m.most is not null;
$$;
comment on function pgjobs.attempt_limits(bigint) is
  'How long an attempt may last that was not acknowledged yet, and one that was; no row: for ever.';
