-- Reads: xmp_jobs, xmp_job_types   Writes: shards (sends NOTIFY pgjobs)
create or replace function pgjobs.expand_soon(_job_id bigint)
returns boolean
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  update pgjobs.shards p
  set expand = true
  from public.xmp_jobs j
  join public.xmp_job_types t on t.name = j.type::text
  where j.id = _job_id and t.tracked and not coalesce((pgjobs.read_params(j.type::text, j.params)).dry_run, false)
    -- Those of a list are written as they are appended.
    and not (j.params ? 'listed' and not j.params ? 'source')
    and p.job_id = j.id and p.shard = 0 and p.started_at is null;
  if not found then
    return false;
  end if;
  perform pg_notify('pgjobs', json_build_object('id', _job_id, 'status', 'ready', 'expand', true)::text);
  return true;
end;
$$;
comment on function pgjobs.expand_soon(bigint) is
  'Has the items of a tracked job that has not begun written now, by a daemon in the background, whatever its run_at and active say; until then its state is preparing. Where they are written already they are chosen anew. False: it has begun, keeps no items, or has them from a list.';
