-- The tracked type of the demo: as many targets as params.number says, answered by agents.
create function public.demo_units(_job_id bigint, _shard integer, _after_key bigint, _end_key bigint)
returns text
language sql
stable
set search_path = pg_catalog, pg_temp
as $$
  select format(
    'select g as key, concat(''unit '', g) as target, null::text as code, null::text as detail,'
    ' json_build_object(''unit'', g)::text as body from generate_series(%s::bigint, %s) g',
    coalesce(_after_key, 0) + 1, least(_end_key, pgjobs.read_number(j.params, 'number')))
  from public.xmp_jobs j where j.id = _job_id;
$$;

insert into public.xmp_job_types (name, selector, routing_key, params, tracked, reply_queue)
values ('unit', 'public.demo_units', 'demo_units', '{number}', true, 'demo_replies');
