-- Reads: items   Writes: nothing (locks items for its moment)
create or replace function pgjobs.locked_replies(_ids text[], _bodies text[])
returns table (items text[], locked text[])
language sql
volatile
security definer
set search_path = pg_catalog, pg_temp
set enable_hashjoin = off
set enable_mergejoin = off
as $$
  with read as materialized (
    select u.place, m.job_id, m.key
    from unnest(_ids, _bodies) with ordinality u (id, body, place)
    left join lateral (
      select o.job_id, o.key from pgjobs.read_reply(u.id, u.body) r cross join lateral pgjobs.item_of(r.id) o) m on true
  ), named as materialized (
    select distinct d.job_id, d.key from read d where d.key is not null
  ), found as materialized (
    select n.job_id, n.key from named n
    where exists (select from pgjobs.items i where i.job_id = n.job_id and i.key = n.key)
  ), free as materialized (
    select n.job_id, n.key
    from named n
    cross join lateral (
      select from pgjobs.items l where l.job_id = n.job_id and l.key = n.key for no key update skip locked) i
  ), held as materialized (
    select f.job_id, f.key from found f except select f.job_id, f.key from free f
  )
  select
    coalesce(array_agg(d.job_id || '-' || d.key) filter (where d.key is not null), '{}'),
    coalesce(array_agg(d.job_id || '-' || d.key) filter (where (d.job_id, d.key) in (select h.job_id, h.key from held h)), '{}')
  from read d
  group by d.place
  order by d.place;
$$;
comment on function pgjobs.locked_replies(text[], text[]) is
  'Of each answer, as report_items() takes them: the items that it names, and those of them that somebody else has locked just now. It waits for nobody.';
