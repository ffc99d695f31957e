-- Reads: entities, xmp_job_types   Writes: nothing
create or replace function pgjobs.judge_targets(_job public.xmp_jobs, _entities jsonb)
returns jsonb
language sql
stable
set search_path = pg_catalog, pg_temp
as $$
  select jsonb_object_agg(f.fault, (
    select coalesce(jsonb_agg(g.id order by g.n), '[]')
    from (
      select t.id, min(t.n) as n
      from pgjobs.targets_of(_entities, 'entities') t
      cross join pgjobs.operation_parts(_job) o
      left join pgjobs.entities e on e.id = t.id
      group by t.id, e.number, e.type, o.types
      having f.fault = case when e.number is null then 'notProvisioned' when e.type <> all (o.types) then 'notAllowed' when count(*) > 1 then 'duplicated' end) g))
  from unnest('{notProvisioned,notAllowed,duplicated}'::text[]) f (fault);
$$;
comment on function pgjobs.judge_targets(public.xmp_jobs, jsonb) is
  'Which of these entities a new job would refuse, as append_items() tells it: not in the directory (notProvisioned), of a type that the operation is not for (notAllowed), named twice (duplicated).';
