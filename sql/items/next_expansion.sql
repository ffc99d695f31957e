-- Reads: xmp_jobs   Writes: shards
create or replace function pgjobs.next_expansion(_passed bigint[])
returns bigint
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  _job bigint;
  _held boolean;
  _status text;
begin
  for _job, _held in
    select p.job_id, p.owner is not null from pgjobs.shards p
    where p.expand and p.job_id <> all (_passed)
    order by p.job_id
    limit 1000
  loop
    _status := (select j.status::text from public.xmp_jobs j where j.id = _job);
    -- Whoever holds it writes them itself.
    if _status in ('ready', 'in progress') and not _held then
      return _job;
    elsif _status not in ('ready', 'in progress') then
      -- Stopped meanwhile: they are written when it begins, if it does.
      update pgjobs.shards p set expand = false
      where p.job_id = _job and p.shard = 0 and p.expand
        and exists (select from public.xmp_jobs j where j.id = _job and j.status::text not in ('ready', 'in progress'));
    end if;
  end loop;
  return null;
end;
$$;
comment on function pgjobs.next_expansion(bigint[]) is
  'A job whose items are to be written in the background, none of these; null: there is none.';
