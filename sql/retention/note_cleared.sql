-- Reads: nothing   Writes: shards
create or replace function pgjobs.note_cleared(_job_id bigint, _what text)
returns void
language sql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
  update pgjobs.shards p
  set cleared = coalesce(p.cleared, '{}') || _what
  where p.job_id = _job_id and not coalesce(_what = any (p.cleared), false);
$$;
comment on function pgjobs.note_cleared(bigint, text) is
  'Notes with the shards of a job what of it was cleared after its keep time.';
