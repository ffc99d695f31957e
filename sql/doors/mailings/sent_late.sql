-- Reads: item_counts   Writes: nothing
create or replace function pgjobs.sent_late(_job_id bigint)
returns bigint
language sql
stable
set search_path = pg_catalog, pg_temp
as $$
  select coalesce(sum(c.n), 0)::bigint from pgjobs.item_counts c where c.job_id = _job_id and c.status = 'G';
$$;
comment on function pgjobs.sent_late(bigint) is
  'How many messages of a mailing were sent although they had been closed before: the end of the mailing, or a deletion, came while they were under way. They stay counted as they were closed.';
