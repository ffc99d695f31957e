-- Reads: notifications   Writes: nothing
create or replace function pgjobs.next_notification(_address boolean, _busy text[])
returns double precision
language sql
stable
set search_path = pg_catalog, pg_temp
as $$
  select greatest(0, extract(epoch from min(n.due_at) - pgjobs.now()))::double precision
  from pgjobs.notifications n
  where n.closed_at is null and n.created_at >= pgjobs.oldest_notification()
    and (_address or n.host <> '') and n.host <> all (_busy);
$$;
comment on function pgjobs.next_notification(boolean, text[]) is
  'Seconds until the next callback falls due that claim_notification would give to the same caller; null when none is open.';
