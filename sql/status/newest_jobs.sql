-- Reads: xmp_jobs   Writes: nothing
create or replace function pgjobs.newest_jobs(_status text, _type text, _limit bigint, _before bigint)
returns bigint[]
language plpgsql
stable
set search_path = pg_catalog, pg_temp
-- A plan for an unknown limit would be one for a tenth of all jobs.
set plan_cache_mode = force_custom_plan
as $$
declare
  _state public.xmp_jobs.status%type;
  _kind public.xmp_jobs.type%type;
  -- The greatest id that may come: a job may have the greatest number there is.
  _last bigint;
begin
  if _before = -9223372036854775808 then
    return '{}';
  end if;
  _last := coalesce(_before - 1, 9223372036854775807);
  begin
    _state := _status;
    _kind := _type;
  exception when invalid_text_representation then
    return '{}'; -- Columns that are enums without this name have no such row.
  end;

  -- Keys are compared as rows, so that only the index on all of them gives the order, whatever the statistics say.
  if _type is null and _status is null then
    return array(
      select j.id from public.xmp_jobs j where j.id <= _last order by j.id desc limit _limit);
  elsif _type is null then
    return array(
      select j.id from public.xmp_jobs j
      where (j.status, j.id) <= (_state, _last) and j.status >= _state
      order by j.status desc, j.id desc limit _limit);
  elsif _status is not null then
    return array(
      select j.id from public.xmp_jobs j
      where (j.type, j.status, j.id) <= (_kind, _state, _last) and (j.type, j.status) >= (_kind, _state)
      order by j.type desc, j.status desc, j.id desc limit _limit);
  end if;
  -- From one state that jobs of this type are in to the next one: of each a page, of all of them the newest.
  return array(
    with recursive present (status) as (
      (select j.status from public.xmp_jobs j where j.type between _kind and _kind order by j.type, j.status limit 1)
      union all
      select (select j.status from public.xmp_jobs j
              where (j.type, j.status) > (_kind, p.status) and j.type <= _kind
              order by j.type, j.status limit 1)
      from present p
      where p.status is not null
    )
    select n.id
    from present p
    cross join lateral (
      select j.id from public.xmp_jobs j
      where (j.type, j.status, j.id) <= (_kind, p.status, _last) and (j.type, j.status) >= (_kind, p.status)
      order by j.type desc, j.status desc, j.id desc limit _limit
    ) n
    order by n.id desc
    limit _limit);
end;
$$;
comment on function pgjobs.newest_jobs(text, text, bigint, bigint) is
  'The newest ids, so many at most, of jobs of this state and this type (null: any) before an id; each by an index that has them in this order.';
