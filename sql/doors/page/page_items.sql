-- Reads: xmp_jobs, xmp_job_types, items, item_bodies, item_counts, entities, and what page_head reads   Writes: nothing
create or replace function pgjobs.page_items(
  _id bigint, _status text default null, _target text default null, _result text default null,
  _after bigint default null, _before bigint default null, _last boolean default false, _limit bigint default null)
returns jsonb
language plpgsql
stable
security definer
set search_path = pg_catalog, pg_temp
set timezone = 'UTC'
-- Each item is looked up by its key, whatever the statistics say.
set enable_seqscan = off
set enable_hashjoin = off
set enable_mergejoin = off
as $$
declare
  _head constant jsonb := pgjobs.page_head(_id);
  _take constant bigint := coalesce(_limit, 50);
  _shown constant integer := 300;
  _statuses "char"[];
  _counts jsonb;
  _total bigint;
  _expected bigint;
  _backwards constant boolean := coalesce(_last, false) or _after is null and _before is not null;
  _walk record;
  _least bigint;
  _greatest bigint;
  _first_key bigint;
  _last_key bigint;
  _rows jsonb;
begin
  if _take not between 1 and 200 then
    perform pgjobs.refuse('PJ400', 'bad_limit', 'limit', format('limit: %s is out of range', _limit), 'give a number from 1 to 200');
  end if;
  if _last then
    _after := null;
    _before := null;
  elsif _after is not null then
    _before := null;
  end if;
  if _status is not null then
    _statuses := array(select w.status from pgjobs.item_words() w where lower(w.page) = lower(_status));
    if _statuses = '{}' then
      perform pgjobs.refuse('PJ400', 'bad_status', 'status', format('status: there is no %s', left(_status, 60)),
        'it is one of Waiting, Started, Finished, Error, Fail and Stopped');
    end if;
  end if;
  if length(_target) > 1000 or length(_result) > 1000 then
    perform pgjobs.refuse('PJ400', 'bad_filter', case when length(_target) > 1000 then 'target' else 'result' end,
      format('%s: it has more than 1,000 characters', case when length(_target) > 1000 then 'target' else 'result' end), 'give a part of it');
  end if;
  select coalesce(jsonb_agg(jsonb_build_object('word', n.page, 'n', n.n) order by n.place), '[]'), coalesce(sum(n.n), 0),
         coalesce(sum(n.n) filter (where lower(n.page) = lower(_status)), 0)
  into _counts, _total, _expected
  from (
    select w.page, min(w.place) as place, coalesce(sum(c.n), 0) as n
    from (select i.*, row_number() over () as place from pgjobs.item_words() i) w
    left join (select k.status, sum(k.n) as n from pgjobs.item_counts k where k.job_id = _id group by k.status) c on c.status = w.status
    group by w.page) n;
  select min(k.key), max(k.key) into _least, _greatest
  from (
    (select i.key from pgjobs.items i where i.job_id = _id order by i.key limit 1)
    union all
    (select i.key from pgjobs.items i where i.job_id = _id order by i.key desc limit 1)) k;
  select * into _walk
  from pgjobs.walk_items(_id, _statuses, convert_to(_target, 'UTF8'), _result, coalesce(_before, _after), _backwards, _take,
    -- Of those with this status alone, from one end on, the counters know the number.
    case when _status is not null and num_nonnulls(_target, _result, _after, _before) = 0 then _expected end);
  with page as materialized (
    select i.*, (
        select b.from_key from pgjobs.item_bodies b where b.job_id = _id and b.from_key <= i.key order by b.from_key desc limit 1) as from_key
    from unnest(_walk.keys) k (key)
    cross join lateral (select s.* from pgjobs.items s where s.job_id = _id and s.key = k.key offset 0) i
  ), bodies as materialized (
    -- Each row of bodies is read once, however many of its items are shown.
    select u.key, u.body, u.place
    from (select distinct p.from_key from page p) f
    join pgjobs.item_bodies b on b.job_id = _id and b.from_key = f.from_key
    cross join lateral unnest(b.keys, b.bodies) with ordinality u (key, body, place)
    where u.key = any (_walk.keys)
  )
  select min(p.key), max(p.key), coalesce(jsonb_agg(jsonb_build_object(
      'key', p.key::text, 'id', p.job_id || '-' || p.key,
      'action_type', pgjobs.clipped(coalesce(case when t.format = 'celery' then substring(s.body from '"task"\s*:\s*"([^"\\]{1,200})"') end, t.title, j.type::text), 200),
      'media_type', pgjobs.clipped(coalesce(e.type, j.media_type), 200),
      'reference_id', pgjobs.clipped(coalesce(s.target, j.reference_id), _shown),
      'status', w.page, 'state', w.plain, 'started_at', p.launched_at, 'ended_at', p.closed_at, 'retries', greatest(p.attempts - 1, 0),
      'parameters', pgjobs.clipped(s.parameters, _shown),
      'result', pgjobs.clipped(p.result, 100), 'description', pgjobs.clipped(p.description, _shown)) order by p.key), '[]')
  into _first_key, _last_key, _rows
  from page p
  join public.xmp_jobs j on j.id = _id
  left join public.xmp_job_types t on t.name = j.type::text
  cross join lateral pgjobs.item_words(p.status) w
  left join bodies b on b.key = p.key
  cross join lateral (
    select pgjobs.readable(p.target) as target, case when t.format = 'celery' then pgjobs.readable(b.body) end as body,
           pgjobs.item_parameters(b.body) as parameters
    offset 0) s
  left join lateral (select n.type from pgjobs.entities n where n.number = p.key and n.id = s.target offset 0) e on true;
  return jsonb_build_object(
    'job', _head, 'counts', _counts, 'total', _total, 'items', _rows, 'limit', _take,
    'missing', case when _least is null then pgjobs.no_items_reason(_id) end,
    'exact', pgjobs.exact_items(_id, _target),
    'looked', _walk.looked, 'broke_off', _walk.looked_to is not null, 'backwards', _backwards,
    -- Where a page shows nothing, it goes on from where it has looked.
    'previous', case
      when _backwards and (_walk.more or _walk.looked_to is not null) then coalesce(case when _walk.looked_to is null then _first_key end, _walk.looked_to)::text
      when not _backwards and _least < coalesce(_first_key, _walk.looked_to, _greatest) and _after is not null then coalesce(_first_key, _after + (_after < 9223372036854775807)::integer)::text end,
    'next', case
      when not _backwards and (_walk.more or _walk.looked_to is not null) then coalesce(case when _walk.looked_to is null then _last_key end, _walk.looked_to)::text
      when _backwards and _before is not null and _greatest > coalesce(_last_key, _walk.looked_to, _least) then coalesce(_last_key, _before - (_before > -9223372036854775808)::integer)::text end);
end;
$$;
comment on function pgjobs.page_items(bigint, text, text, text, bigint, bigint, boolean, bigint) is
  'A page of the items of a job by key for the jobs page, as JSON: those behind _after, or the nearest before _before, or the last ones (_last), 50 or so many of them (200 at most), perhaps only those of a status word, with this in their target, with this result. items has the columns of the page; counts: how many there are of each word, exactly; previous and next: what to give as _before and _after for the pages beside it, null where there is none; broke_off: it has looked at so many (looked) without filling the page; exact: keys of items that are named by _target itself; missing: why there are no items. Of _last, _after and _before the first one that is given counts. Refuses (PJ400, PJ404).';
