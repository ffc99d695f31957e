-- Reads: xmp_jobs, xmp_job_types, entities   Writes: items, item_bodies, item_counts, shards
create or replace function pgjobs.append_items(_job_id bigint, _entities jsonb)
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
  _job public.xmp_jobs;
  _answer jsonb;
  _n bigint;
begin
  _job := pgjobs.lock_unbegun(_job_id);
  with judged as materialized (
    select t.n, t.id, t.parameters, e.number,
           case when e.number is null then 'notProvisioned'
                when e.type <> all (o.types) then 'notAllowed'
                when row_number() over (partition by t.id order by t.parameters is null, t.n) > 1
                  or exists (select from pgjobs.items i where i.job_id = _job_id and i.key = e.number) then 'duplicated' end as fault
    from pgjobs.operation_parts(_job) o
    cross join pgjobs.targets_of(_entities, 'entities') t
    left join pgjobs.entities e on e.id = t.id
  ), added as (
    insert into pgjobs.items (job_id, key, target)
    select _job_id, g.number, convert_to(g.id, 'UTF8') from judged g where g.fault is null
    returning key
  ), bodies as (
    -- A row of its own for each: those of a later list may lie between them, and are read in the order of their keys.
    insert into pgjobs.item_bodies (job_id, from_key, to_key, keys, bodies)
    select _job_id, g.number, g.number, array[g.number],
           array[convert_to(pgjobs.operation_body(_job_id, g.number, o.name, (o.parameters || coalesce(g.parameters, '{}'))::text, o.at), 'UTF8')]
    from judged g cross join pgjobs.operation_parts(_job) o where g.fault is null
  )
  select (select count(*) from added),
         jsonb_object_agg(f.fault, (select coalesce(jsonb_agg(g.id order by g.n), '[]') from (
           select j.id, min(j.n) as n from judged j where j.fault = f.fault group by j.id) g))
  into _n, _answer
  from unnest('{notProvisioned,notAllowed,duplicated}'::text[]) f (fault);
  if _n > 0 then
    perform pgjobs.count_items(_job_id, 'w', _n);
  end if;
  update pgjobs.shards p set attempt = 1, round_at = pgjobs.now(), expand = false where p.job_id = _job_id and p.shard = 0;
  return _answer || jsonb_build_object('appended', _n);
end;
$$;
comment on function pgjobs.append_items(bigint, jsonb) is
  'Appends entities to a job that takes them from a list (params.listed) and has not begun: each becomes an item at once. ["dev-1", {"id": "dev-2", "parameters": {}}]; parameters of an entity take the place of those of the job, key by key; where it is named twice, those that it has once count. Answers with how many were appended, and which ones were not: notProvisioned (the directory has no such entity), notAllowed (its type is none that the operation is for), duplicated. Refuses (PJ404, PJ409, PJ400) any other job, and what names no entity; nothing is appended then.';
