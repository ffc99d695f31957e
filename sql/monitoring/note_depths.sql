-- Reads: nothing   Writes: queue_depths
create or replace function pgjobs.note_depths(_depths jsonb)
returns void
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  insert into pgjobs.queue_depths as d (queue, ready, consumers, measured_at, trouble)
  select x.queue, x.ready, x.consumers, clock_timestamp(), x.trouble
  from jsonb_to_recordset(_depths) x (queue text, ready bigint, consumers integer, trouble text)
  where x.queue is not null
  order by x.queue
  on conflict (queue) do update
  set ready = excluded.ready, consumers = excluded.consumers, measured_at = excluded.measured_at, trouble = excluded.trouble;
  -- Queues that no type has any more.
  delete from pgjobs.queue_depths d where d.measured_at < clock_timestamp() - interval '1 day';
end;
$$;
comment on function pgjobs.note_depths(jsonb) is
  'Keeps how many messages lie ready in queues and how many consumers these have, as the broker has just said, or why it did not say it; forgets queues that nobody has measured for a day.';
