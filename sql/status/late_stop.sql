-- Reads: events, cancellations, shards, daemons   Writes: nothing
create or replace function pgjobs.late_stop(_job_id bigint)
returns text
language sql
stable
set search_path = pg_catalog, pg_temp
-- A plan for any job expects few events of each: it would read all of one that has many, and sort them.
set enable_bitmapscan = off
as $$
  select case
    when h.until is not null then format(
      'its stop was asked %s ago, and daemon %s still holds it: look into the log of that daemon; if it does not let go, end its process: its lease runs out by itself then (%s now), the job is stopped, and pgjobs.job_uncertain lists what was in flight',
      pgjobs.span_text(pgjobs.now() - a.at), coalesce(h.daemon, 'that is not known any more'), pgjobs.moment_text(h.until))
    when a.closing then format(
      'it was cancelled %s ago, and its open items are still being closed: %s',
      pgjobs.span_text(pgjobs.now() - a.at),
      case when exists (select from pgjobs.live_daemons()) then 'look into the log of the elected daemon; another cancel closes 1,000 of them at once'
           else 'no daemon is alive that would do it: start one with "pgjobs daemon"' end)
    end
  from (
    select coalesce(c.at, (
        -- It is among the last ones: what comes behind a stop are remarks.
        select e.at from (select * from pgjobs.events l where l.job_id = _job_id order by l.id desc limit 100) e
        where e.to_status in ('canceled', 'cancelled') order by e.id desc limit 1)) as at,
      c.job_id is not null and c.closed_at is null as closing
    from (select) o left join pgjobs.cancellations c on c.job_id = _job_id) a
  left join lateral (
    select max(p.lease_until) as until, string_agg(distinct w.name || ' on ' || w.host, ', ') as daemon
    from pgjobs.shards p
    left join pgjobs.daemons w on w.id = p.owner
    where p.job_id = _job_id and p.owner is not null and p.lease_until > clock_timestamp()) h on true
  where a.at < pgjobs.now() - interval '5 minutes';
$$;
comment on function pgjobs.late_stop(bigint) is
  'Of a job that was stopped or cancelled more than five minutes ago and is not through with that: what keeps it, and what to do. Null: it is not late, or through.';
