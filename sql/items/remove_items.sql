-- Reads: xmp_jobs, entities   Writes: items, item_bodies, item_counts
create or replace function pgjobs.remove_items(_job_id bigint, _ids text[])
returns jsonb
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  _gone text[];
begin
  perform pgjobs.lock_unbegun(_job_id);
  with keys as materialized (
    select e.number as key from pgjobs.entities e where e.id = any (_ids)
    union
    -- One that the directory has no longer is found by its id.
    select i.key from pgjobs.items i
    where i.job_id = _job_id and i.target = any (array(
      select convert_to(u.id, 'UTF8') from unnest(_ids) u (id) where u.id is not null and not exists (select from pgjobs.entities e where e.id = u.id)))
  ), gone as (
    delete from pgjobs.items i using keys k where i.job_id = _job_id and i.key = k.key returning i.target
  ), bodies as (
    delete from pgjobs.item_bodies b using keys k where b.job_id = _job_id and b.from_key = k.key
  )
  select coalesce(array_agg(convert_from(g.target, 'UTF8')), '{}') into _gone from gone g;
  if cardinality(_gone) > 0 then
    perform pgjobs.count_items(_job_id, 'w', -cardinality(_gone));
  end if;
  return jsonb_build_object('removed', cardinality(_gone),
    'notFound', coalesce((select jsonb_agg(distinct u.id) from unnest(_ids) u (id) where u.id <> all (_gone)), '[]'));
end;
$$;
comment on function pgjobs.remove_items(bigint, text[]) is
  'Takes entities out of a job that has them from a list and has not begun; how many, and which ids are not in it. Refuses (PJ404, PJ409) any other job.';
