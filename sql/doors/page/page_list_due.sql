-- Reads: shards   Writes: nothing
create or replace function pgjobs.page_list_due(_only bigint[], _back boolean, _key text[], _limit bigint, out ids bigint[], out keys text[])
language plpgsql
stable
set search_path = pg_catalog, pg_temp
set timezone = 'UTC'
set datestyle = 'ISO, YMD'
set enable_seqscan = off
set enable_bitmapscan = off
set enable_sort = off
as $$
declare
  _direction constant text := case when _back then 'desc' else 'asc' end;
  _behind constant text := case when _back then '<' else '>' end;
  _statement text;
begin
  if _only is not null then
    _statement := format($due$
      select p.job_id, p.priority, p.due_at
      from unnest(%L::bigint[]) a (id)
      cross join lateral (
        select s.* from pgjobs.shards s
        where s.job_id = a.id and s.owner is null and s.finished_at is null and s.due_at is not null
        order by s.due_at, s.shard limit 1) p
      where %s$due$, _only, case when _key is null then 'true' else
        format('(-p.priority, p.due_at, p.job_id) %s (-%s, %L::timestamptz, %s)', _behind, _key[2], _key[3], _key[1]) end);
  else
    -- Each priority is a range of the index of what may be claimed. A job is shown once, at the first of its shards.
    select string_agg(format($due$
      (select p.job_id, p.priority, p.due_at
       from pgjobs.shards p
       where p.priority = %s and p.owner is null and p.finished_at is null and p.due_at is not null and %s
         and not (select exists (
           select from pgjobs.shards s
           where s.job_id = p.job_id and s.owner is null and s.finished_at is null and (s.due_at, s.shard) < (p.due_at, p.shard)))
       order by p.priority %s, p.due_at %s, p.job_id %4$s, p.shard %4$s limit %s)$due$,
      l.level, case when l.level = _key[2]::integer then format('(p.due_at, p.job_id) %s (%L::timestamptz, %s)', _behind, _key[3], _key[1]) else 'true' end,
      case when _back then 'asc' else 'desc' end, _direction, _limit), ' union all ')
    into _statement
    from generate_series(0, 10) l (level)
    where _key is null or (_back and l.level >= _key[2]::integer) or (not _back and l.level <= _key[2]::integer);
  end if;
  execute format($block$
    select coalesce(array_agg(b.job_id order by b.n), '{}'), coalesce(array_agg(concat_ws(',', b.job_id, b.priority, b.due_at) order by b.n), '{}')
    from (
      select u.*, row_number() over (order by -u.priority %s, u.due_at %1$s, u.job_id %1$s) as n
      from (%s) u order by n limit %s) b$block$, _direction, _statement, _limit)
  into ids, keys;
end;
$$;
comment on function pgjobs.page_list_due(bigint[], boolean, text[], bigint) is
  'The jobs, so many at most, that wait for a daemon (_only: of these), behind or before a place in the order of priority and due time, each with its place; backwards the last one first.';
