-- Reads: xmp_jobs, items, item_bodies, item_counts   Writes: nothing
create or replace function pgjobs.list_operations(_id text, _page bigint, _size bigint)
returns jsonb
language plpgsql
stable
security definer
set search_path = pg_catalog, pg_temp
set timezone = 'UTC'
-- In the order of the index, so that nothing behind the page is read.
set enable_seqscan = off
set enable_bitmapscan = off
set enable_sort = off
as $$
declare
  _number constant bigint := pgjobs.operation_job_id(_id);
  _job public.xmp_jobs;
  _total bigint;
  _from bigint;
  _offset bigint;
  _listed jsonb;
begin
  _page := greatest(coalesce(_page, 1), 1);
  _size := pgjobs.page_size(_size);
  select coalesce(sum(c.n), 0) into _total from pgjobs.item_counts c
  where c.job_id = _number and c.status in ('w', 'l', 'r', 's', 'f', 't', 'c', 'x');
  if (_page - 1)::numeric * _size >= _total then
    return null;
  end if;
  -- Whole rows of bodies are passed over, of which each has many keys.
  select b.from_key, (_page - 1) * _size - b.before into _from, _offset
  from (
    select o.from_key, cardinality(o.keys) as n, sum(cardinality(o.keys)) over (order by o.from_key) - cardinality(o.keys) as before
    from pgjobs.item_bodies o where o.job_id = _number) b
  where b.before + b.n > (_page - 1) * _size
  order by b.from_key
  limit 1;
  select * into _job from public.xmp_jobs j where j.id = _number;
  with page as materialized (
    select i as item, i.key from pgjobs.items i where i.job_id = _number and i.key >= _from order by i.key offset _offset limit _size
  ), bodies as materialized (
    select u.key, u.body
    from pgjobs.item_bodies b
    cross join lateral unnest(b.keys, b.bodies) u (key, body)
    where b.job_id = _number and b.from_key >= _from and b.from_key <= (select max(p.key) from page p)
  )
  select jsonb_agg(pgjobs.operation_json(_job, p.item, b.body) order by p.key) into _listed
  from page p
  left join bodies b on b.key = p.key;
  if _listed is null then
    -- They were cleared after their keep time.
    return null;
  end if;
  return jsonb_build_object('operations', _listed, 'page', jsonb_build_object('number', _page, 'of', ceil(_total::numeric / _size)));
end;
$$;
comment on function pgjobs.list_operations(text, bigint, bigint) is
  'A page of the operations of a job, in the order of their numbers: {"operations", "page": {"number", "of"}}, pages from 1 (0 and null likewise), of 10 operations or so many, at most 1000; null behind the last one. Refuses (PJ400, PJ404).';
