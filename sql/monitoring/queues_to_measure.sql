-- Reads: maintenance, xmp_job_types, queue_depths   Writes: nothing
create or replace function pgjobs.queues_to_measure(_daemon uuid, _age interval)
returns setof text
language sql
stable
security definer
set search_path = pg_catalog, pg_temp
as $$
  select q.queue
  from pgjobs.maintenance m
  cross join pgjobs.known_queues() q
  left join pgjobs.queue_depths d on d.queue = q.queue
  where m.daemon = _daemon and m.lease_until > clock_timestamp()
    and coalesce(d.measured_at < clock_timestamp() - _age, true)
  order by q.queue;
$$;
comment on function pgjobs.queues_to_measure(uuid, interval) is
  'The queues whose depth this daemon is to measure, for it was not measured for so long; none unless it is the elected one.';
