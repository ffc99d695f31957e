-- Reads: xmp_jobs, items, item_bodies, item_counts   Writes: nothing
create or replace function pgjobs.list_operations(_id text, _page bigint, _size bigint)
returns jsonb
language plpgsql
stable
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  _number constant bigint := pgjobs.operation_job_id(_id);
  _most constant bigint := 1000;
  _job public.xmp_jobs;
  _total bigint;
  _listed jsonb;
begin
  _page := greatest(coalesce(_page, 1), 1);
  _size := coalesce(_size, 10);
  if _size not between 1 and _most then
    perform pgjobs.refuse('PJ400', 'bad_size', 'size', format('size: %s is not from 1 to %s', _size, _most), 'ask for a page, and then for the next one: start=2');
  end if;
  select coalesce(sum(c.n), 0) into _total from pgjobs.item_counts c
  where c.job_id = _number and c.status in ('w', 'l', 'r', 's', 'f', 't', 'c', 'x');
  if (_page - 1)::numeric * _size >= _total then
    return null;
  end if;
  select * into _job from public.xmp_jobs j where j.id = _number;
  with page as materialized (
    select i.key from pgjobs.items i where i.job_id = _number order by i.key offset (_page - 1) * _size limit _size
  ), bodies as (
    -- Unpacked once for all items of a row.
    select u.key, u.body
    from (select min(p.key) as least, max(p.key) as greatest from page p) r
    join pgjobs.item_bodies b on b.job_id = _number and b.to_key >= r.least and b.from_key <= r.greatest
      and b.from_key >= coalesce((select f.from_key from pgjobs.item_bodies f where f.job_id = _number and f.from_key <= r.least order by f.from_key desc limit 1), 0)
    cross join lateral unnest(b.keys, b.bodies) u (key, body)
  )
  select jsonb_agg(pgjobs.operation_json(_job, i, b.body) order by i.key) into _listed
  from page p
  join pgjobs.items i on i.job_id = _number and i.key = p.key
  left join bodies b on b.key = p.key;
  return jsonb_build_object('operations', coalesce(_listed, '[]'), 'page', jsonb_build_object('number', _page, 'of', ceil(_total::numeric / _size)));
end;
$$;
comment on function pgjobs.list_operations(text, bigint, bigint) is
  'A page of the operations of a job, in the order of their numbers: {"operations", "page": {"number", "of"}}, pages from 1 (0 and null likewise), of 10 operations or so many, at most 1000; null behind the last one. Refuses (PJ400, PJ404).';
