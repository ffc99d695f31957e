-- Reads: callbacks, and what awaits_operations reads   Writes: nothing
create or replace function pgjobs.next_callback(_address boolean, _busy text[])
returns double precision
language sql
stable
security definer
set search_path = pg_catalog, pg_temp
as $$
  select greatest(0, extract(epoch from min(n.due_at) - pgjobs.now()))::double precision
  from pgjobs.callbacks n
  where n.closed_at is null and n.created_at >= pgjobs.oldest_callback()
    and (_address or n.host <> '') and n.host <> all (_busy)
    and not (n.posts and n.keys is null and pgjobs.awaits_operations(n.job_id));
$$;
comment on function pgjobs.next_callback(boolean, text[]) is
  'Seconds until the next callback falls due that claim_callback would give to the same caller; null when none is open.';
