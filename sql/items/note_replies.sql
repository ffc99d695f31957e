-- Reads: nothing   Writes: daemons (replies)
create or replace function pgjobs.note_replies(_daemon uuid, _refused jsonb)
returns void
language sql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
  update pgjobs.daemons w set replies = _refused where w.id = _daemon and w.replies <> _refused;
$$;
comment on function pgjobs.note_replies(uuid, jsonb) is
  'Notes from which reply queues a daemon can take no answers, each with the words of the broker; {} where it can from all.';
