-- Reads: xmp_jobs, entities   Writes: items, item_bodies, item_counts
create or replace function pgjobs.remove_items(_job_id bigint, _ids text[])
returns jsonb
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
-- Each entity, and each item, is looked up by its key, whatever the statistics say.
set enable_hashjoin = off
set enable_mergejoin = off
set enable_seqscan = off
as $$
declare
  _keys bigint[];
  _unknown bytea[];
  _gone text[];
begin
  perform pgjobs.lock_unbegun(_job_id);
  _keys := array(select e.number from pgjobs.entities e where e.id = any (_ids));
  -- One that the directory has no longer is found by its id.
  _unknown := array(select convert_to(u.id, 'UTF8') from unnest(_ids) u (id) where u.id is not null and not exists (select from pgjobs.entities e where e.id = u.id));
  if cardinality(_unknown) > 0 then
    _keys := _keys || array(select i.key from pgjobs.items i where i.job_id = _job_id and i.target = any (_unknown));
  end if;
  with gone as (
    delete from pgjobs.items i where i.job_id = _job_id and i.key = any (_keys) returning i.target
  ), bodies as (
    delete from pgjobs.item_bodies b where b.job_id = _job_id and b.from_key = any (_keys)
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
