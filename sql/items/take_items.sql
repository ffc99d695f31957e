-- Reads: xmp_job_types, xmp_jobs, switch, item_bodies   Writes: item_offers, items (agent, acked_at)
create or replace function pgjobs.take_items(_agent text, _type text, _most integer, _lease interval)
returns table (id text, job_id bigint, item bigint, attempt smallint, target text, parameters text)
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  -- One moment for all of them: offers of a job that end together are passed over in one step.
  _now constant timestamptz := clock_timestamp();
begin
  if coalesce(_agent, '') = '' or length(_agent) > 200 then
    perform pgjobs.refuse('PJ400', 'bad_agent', 'agent', 'agent: it has to be a name of 1 to 200 characters', 'give the name of whoever does the work');
  end if;
  if not exists (select from public.xmp_job_types t where t.name = _type and t.tracked and t.exchange = '' and t.routing_key is null) then
    perform pgjobs.refuse('PJ400', 'bad_type', 'type', format('type: %L is no type whose items are taken by SQL', left(_type, 100)),
      'name a tracked type without exchange and routing_key; of any other one the broker hands out the messages');
  end if;
  if coalesce(_most, 0) not between 1 and 10000 then
    perform pgjobs.refuse('PJ400', 'bad_most', 'most', format('most: %s is out of range', coalesce(_most::text, 'null')), 'give a number from 1 to 10000');
  end if;
  if _lease is null or _lease <= interval '0' or _lease > interval '1 day' then
    perform pgjobs.refuse('PJ400', 'bad_lease', 'lease', format('lease: %s is out of range', coalesce(_lease::text, 'null')), 'give an interval of a day at most, such as 60 s');
  end if;
  if pgjobs.held_reason() is not null then
    return;
  end if;
  return query
  -- From one job that has offers to the next one, by the index: those of a job that may not go on now are not read.
  with recursive groups (lease_until, job_id) as (
    (select f.lease_until, f.job_id from pgjobs.item_offers f
     where f.type = _type and f.lease_until <= _now
     order by f.lease_until, f.job_id
     limit 1)
    union all
    select n.lease_until, n.job_id
    from groups g
    cross join lateral (
      select f.lease_until, f.job_id from pgjobs.item_offers f
      where f.type = _type and f.lease_until <= _now and (f.lease_until, f.job_id) > (g.lease_until, g.job_id)
      order by f.lease_until, f.job_id
      limit 1) n
  ), free as materialized (
    select o.job_id, o.key
    from groups g
    -- A select of its own for each: joined, all groups would be found before the first one is looked at.
    cross join lateral (
      select f.job_id, f.key from pgjobs.item_offers f
      where f.type = _type and f.lease_until = g.lease_until and f.job_id = g.job_id
        and (select j.status::text = 'in progress' and j.active from public.xmp_jobs j where j.id = g.job_id)
      order by f.key
      limit _most
      for update skip locked) o
    limit _most
  ), quiet as materialized (
    -- It waits for no item: whoever has one locked, to close it, waits for its offer next.
    select i.job_id, i.key from free f join pgjobs.items i on i.job_id = f.job_id and i.key = f.key
    where i.status = 'l'
    for no key update of i skip locked
  ), taken as (
    update pgjobs.item_offers o
    set agent = _agent, lease_until = _now + _lease
    from free f
    where o.job_id = f.job_id and o.key = f.key
  ), told as (
    update pgjobs.items i set agent = _agent, acked_at = coalesce(i.acked_at, pgjobs.now())
    from quiet t
    where i.job_id = t.job_id and i.key = t.key
    returning i.job_id, i.key, i.attempts, i.target
  ), bodies as materialized (
    -- Each row of bodies is read once, however many of its items are taken.
    select c.job_id, u.key, u.body
    from (
      select distinct t.job_id, f.from_key
      from told t
      cross join lateral (
        select b.from_key from pgjobs.item_bodies b where b.job_id = t.job_id and b.from_key <= t.key order by b.from_key desc limit 1) f) c
    join pgjobs.item_bodies b on b.job_id = c.job_id and b.from_key = c.from_key
    cross join lateral unnest(b.keys, b.bodies) u (key, body)
  )
  select concat_ws('-', t.job_id, t.key, t.attempts), t.job_id, t.key, t.attempts, pgjobs.readable(t.target), pgjobs.readable(b.body)
  from told t
  left join bodies b on b.job_id = t.job_id and b.key = t.key
  order by t.job_id, t.key;
end;
$$;
comment on function pgjobs.take_items(text, text, integer, interval) is
  'Hands items of a type without a route to an agent, for so long: whoever has not answered by then loses them to another one. Those of a job that is stopped, paused, held or broken off stay where they are. id is what pgjobs.report_items() wants to hear. No row: there is nothing to do now.';
