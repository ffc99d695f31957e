-- Reads: nothing   Writes: shards (sends NOTIFY pgjobs)
create or replace function pgjobs.follow_params()
returns trigger
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  update pgjobs.shards p set attempt = null, expand = false
  where p.job_id = new.id and p.shard = 0 and p.started_at is null and (p.attempt is not null or p.expand);
  if found then
    perform pgjobs.expand_soon(new.id);
  end if;
  return null;
end;
$$;
comment on function pgjobs.follow_params() is
  'Trigger: the items that a job had before it began are those of other params: they are chosen anew in the background, or appended where they come from a list.';
