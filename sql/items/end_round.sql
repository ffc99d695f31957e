-- Reads: xmp_jobs, items   Writes: shards, item_retries, item_launches, item_offers, and what close_items writes
create or replace function pgjobs.end_round(_job_id bigint, _shard integer, _epoch bigint)
returns boolean
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
as $$
declare
  _open bigint;
begin
  -- Locked first: what is counted behind it knows every answer that has not yet looked for this shard.
  perform from pgjobs.shards p
  where p.job_id = _job_id and p.shard = _shard and p.epoch = _epoch and p.lease_until > clock_timestamp() and p.attempt is not null
  for update;
  if not found then
    return false;
  end if;
  if (select p.stop_at from pgjobs.pace_of(_job_id) p) <= pgjobs.now() then
    perform pgjobs.close_items(_job_id, _shard, 't', 'timed_out');
  end if;
  _open := pgjobs.open_items(_job_id);
  if _open = 0 then
    update pgjobs.shards p set due_at = pgjobs.now()
    where p.job_id = _job_id and p.shard <> _shard and p.owner is null and p.finished_at is null and p.round_over;
    -- An answer that waited for a launch or another answer closed its item, and did not see what that one had just written.
    delete from pgjobs.item_offers o where o.job_id = _job_id;
    delete from pgjobs.item_retries r where r.job_id = _job_id and r.shard = _shard;
    delete from pgjobs.item_launches l where l.job_id = _job_id and l.shard = _shard;
    return false;
  end if;
  perform pgjobs.forget_launches(_job_id, _shard);
  -- Such a further attempt would have rounds begin for ever that send nothing.
  delete from pgjobs.item_retries r
  using pgjobs.shards p, pgjobs.items i
  where p.job_id = _job_id and p.shard = _shard and r.job_id = p.job_id and r.shard = p.shard and r.attempt = p.attempt and r.due_at <= p.round_at
    and i.job_id = r.job_id and i.key = r.key and i.status <> 'r';
  update pgjobs.shards p
  set owner = null, lease_until = null, yield_at = null, in_flight_to = p.after_key, uncertain_to = null, round_over = true, failures = 0,
      due_at = case when j.status::text = 'in progress' and j.active then pgjobs.item_due(_job_id, _shard)
                    -- A job that is paused is closed when its stop comes.
                    when j.status::text = 'in progress' then (select c.stop_at from pgjobs.pace_of(_job_id) c) end,
      note = 'everything is sent'
  from public.xmp_jobs j
  where p.job_id = _job_id and p.shard = _shard and j.id = _job_id;
  perform pgjobs.pass_turn(_job_id);
  return true;
end;
$$;
comment on function pgjobs.end_round(bigint, integer, bigint) is
  'Parks a shard whose round is through until an answer, a time-out or a further attempt is due; what is open at the stop of the job is closed by time. False: nothing is open any more, or it has no items, and it can be finished.';
