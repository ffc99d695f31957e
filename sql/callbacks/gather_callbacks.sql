-- Reads: xmp_jobs, items   Writes: ended_items, callbacks
create or replace function pgjobs.gather_callbacks(_most integer)
returns void
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
as $$
declare
  _at_a_time constant integer := 100;
  -- So much of what their steps say is in one callback, of more than one operation.
  _bytes constant integer := 1000000;
  _job bigint := coalesce(nullif(current_setting('pgjobs.gathered_to', true), ''), '-1')::bigint;
  _id bigint;
  _parts bigint[];
  _keys bigint[];
  _taken bigint[];
  _url text;
  _at timestamptz;
begin
  for _n in 1 .. _at_a_time loop
    -- From one job to the next one, by the index.
    _job := (select e.job_id from pgjobs.ended_items e where e.job_id > _job order by e.job_id limit 1);
    exit when _job is null;
    continue when exists (select from pgjobs.callbacks c where c.job_id = _job and c.keys is not null and c.closed_at is null);
    -- Whoever comes second waits here, and finds the callback of the first one.
    insert into pgjobs.callbacks (job_id, status, created_at, due_at, posts, keys)
    values (_job, 'operations', pgjobs.now(), pgjobs.now(), true, '{}')
    on conflict (job_id) where keys is not null and closed_at is null do nothing
    returning id into _id;
    continue when _id is null;
    with first as materialized (
      select e.id, e.at, e.keys from pgjobs.ended_items e where e.job_id = _job order by e.job_id, e.id limit _most
    ), parts as (
      select f.id, f.at, f.keys, sum(cardinality(f.keys)) over (order by f.id) - cardinality(f.keys) as before from first f
    )
    select array_agg(p.id), min(p.at), array_agg(k.key order by p.id, k.place) into _parts, _at, _keys
    from parts p cross join lateral unnest(p.keys) with ordinality k (key, place)
    where p.before < _most;
    delete from pgjobs.ended_items e where e.id = any (_parts);
    select j.callback_url into _url from public.xmp_jobs j where j.id = _job and j.notify;
    select array_agg(s.key order by s.place) into _taken
    from (
      select k.key, k.place, sum(coalesce(octet_length(i.steps::text), 0)) over (order by k.place) as bytes
      from unnest(_keys) with ordinality k (key, place)
      join pgjobs.items i on i.job_id = _job and i.key = k.key
      where _url is not null) s
    where s.place <= _most and (s.bytes <= _bytes or s.place = 1);
    if _taken is null then
      -- Nobody is to be told any more, or the items are gone.
      delete from pgjobs.callbacks c where c.id = _id;
      continue;
    end if;
    insert into pgjobs.ended_items (job_id, at, keys)
    select _job, _at, p.keys
    from pgjobs.key_parts(array(
      select k.key from unnest(_keys) with ordinality k (key, place)
      where k.place > array_position(_keys, _taken[cardinality(_taken)]) order by k.place)) p (keys);
    update pgjobs.callbacks c set host = pgjobs.host_of(_url), keys = _taken where c.id = _id;
  end loop;
  perform set_config('pgjobs.gathered_to', coalesce(_job::text, ''), false);
end;
$$;
comment on function pgjobs.gather_callbacks(integer) is
  'Puts ended items of jobs that notify into the outbox: so many in one callback at most, and of one job one callback at a time, so that those of a slow receiver become fewer and larger. Looks at a hundred jobs, with the next call of the session at the next ones.';
