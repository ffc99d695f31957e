-- Reads: items   Writes: nothing
create or replace function pgjobs.is_launched(_launch pgjobs.item_launches)
returns boolean
language sql
stable
set search_path = pg_catalog, pg_temp
as $$
  select case when _launch.keys is null then exists (
      select from pgjobs.items i
      where i.job_id = _launch.job_id and i.key between _launch.from_key and _launch.to_key
        and i.status = 'l' and i.launched_at = _launch.launched_at)
    else exists (
      select from unnest(_launch.keys) k (key)
      join pgjobs.items i on i.job_id = _launch.job_id and i.key = k.key
      where i.status = 'l' and i.launched_at = _launch.launched_at) end;
$$;
comment on function pgjobs.is_launched(pgjobs.item_launches) is 'Whether one of the items that were launched together has neither ended nor been launched again since.';
