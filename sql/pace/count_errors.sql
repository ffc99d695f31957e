-- Reads: shards, outcomes   Writes: nothing
create or replace function pgjobs.count_errors(_job_id bigint, out published bigint, out errors bigint, out attempts bigint)
language sql
stable
set search_path = pg_catalog, pg_temp
as $$
  select c.sent + c.returned, c.returned + u.unfit, c.sent + c.returned + u.unfit
  from (
    select coalesce(sum(p.sent), 0)::bigint as sent, coalesce(sum(p.returned), 0)::bigint as returned
    from pgjobs.shards p where p.job_id = _job_id) c
  cross join (
    select coalesce(sum(o.n), 0)::bigint as unfit
    from pgjobs.outcomes o where o.job_id = _job_id and o.action = 'skip' and o.code in ('empty', 'too_large')) u;
$$;
comment on function pgjobs.count_errors(bigint) is
  'What the budget of a job counts, over all its shards: what was published; how many records are errors (returned by the broker, or no message because they are empty or too large); and of how many attempts, that is with those that were sent.';
