-- Reads: items   Writes: nothing
create or replace function pgjobs.read_operation_change(
  _job public.xmp_jobs, _change jsonb, _most integer, out job public.xmp_jobs, out active boolean, out changes boolean, out added jsonb, out removed text[])
language plpgsql
stable
set search_path = pg_catalog, pg_temp
as $$
declare
  _former constant jsonb := coalesce(_job.request, '{}');
  _given jsonb := nullif(_change -> 'request', 'null');
  _free constant text[] := '{active,notify,callback,userNotes,schedule,target}';
  _key text;
  _target record;
  _stop record;
  -- Nothing was named yet, so anything can be.
  _empty constant boolean := _job.params ? 'listed' and not exists (select from pgjobs.items i where i.job_id = _job.id);
begin
  perform pgjobs.check_known_keys(_change, '', '{id,taskId,request,report}');
  if coalesce(_change -> 'id', 'null') not in ('null', to_jsonb(_job.id::text), to_jsonb(_job.id)) then
    perform pgjobs.refuse('PJ400', 'bad_request', 'id', format('id: the address names job %s, and the body another one', _job.id), 'leave it out');
  end if;
  if _given is null then
    perform pgjobs.refuse('PJ400', 'bad_request', 'request', 'request: it is missing', 'send {"job": {"request": {"active": true}}}');
  end if;
  perform pgjobs.check_known_keys(_given, '', _free || '{name,parameters,operationParameters}');
  perform pgjobs.check_known_keys(_given -> 'schedule', 'schedule', '{start,stop,scattering,window}');
  -- Whoever sends back what was read changes nothing by it.
  select g.key into _key from (
    select e.key, e.value, case e.key when 'name' then to_jsonb(_job.name) when 'parameters' then _job.params -> 'parameters' else _former -> e.key end as is
    from jsonb_each(_given) e where e.key <> all (_free)
    union all
    select 'schedule.' || e.key, e.value, _former -> 'schedule' -> e.key
    from jsonb_each(nullif(_given -> 'schedule', 'null')) e where e.key in ('scattering', 'window')) g
  where g.value is distinct from coalesce(g.is, 'null') and not (g.key = 'name' and upper(g.value #>> '{}') = upper(g.is #>> '{}'))
  order by g.key limit 1;
  if found then
    perform pgjobs.refuse('PJ400', 'forbidden_field', _key, format('%s: it can''t be changed', _key),
      'active, notify, callback, userNotes, schedule.start, schedule.stop and target can');
  end if;

  job := _job;
  active := pgjobs.read_given_flag(_given -> 'active', 'active');
  if _given ? 'notify' then
    job.notify := coalesce(pgjobs.read_given_flag(_given -> 'notify', 'notify'), false);
  end if;
  if _given ? 'userNotes' then
    job.notes := pgjobs.read_given_text(_given -> 'userNotes', 'userNotes', 10000);
  end if;
  if _given ? 'callback' then
    job.callback_url := nullif(pgjobs.read_given_text(_given -> 'callback', 'callback', 2000), '');
    perform pgjobs.check_callback(job.callback_url, 'callback');
  end if;
  job.request := _former || (_given - '{active,target,schedule,name,parameters}'::text[]);
  if jsonb_typeof(_given -> 'schedule') = 'object' then
    job.request := job.request || jsonb_build_object('schedule', coalesce(nullif(_former -> 'schedule', 'null'), '{}') || (_given -> 'schedule'));
  end if;
  changes := (job.notify, job.notes, job.callback_url) is distinct from (_job.notify, _job.notes, _job.callback_url);
  if job.request -> 'schedule' is distinct from _former -> 'schedule' then
    changes := true;
    job.run_at := pgjobs.read_operation_start(job.request #> '{schedule,start}');
    select * into _stop from pgjobs.read_operation_stop(job.request #> '{schedule,stop}', job.run_at::timestamptz);
    job.stop_at := _stop.stop_at;
    -- Of scattering and window nothing changes, but what scattering needs might be gone.
    job.schedule := pgjobs.read_operation_schedule(job.request -> 'schedule') || jsonb_strip_nulls(jsonb_build_object('stop_after', _stop.stop_after));
  end if;

  select * into _target from pgjobs.read_operation_target(nullif(_given -> 'target', 'null'), _most);
  if _given -> 'target' is not distinct from _former -> 'target' then
    -- Tags or a filter as they are.
    _target.kind := null;
  elsif _target.kind is not null then
    if _job.params ? 'filter' then
      perform pgjobs.refuse('PJ400', 'filter_target', 'target', 'target: the target of a job with a filter can''t be changed',
        'set active to false, and create a new job with the new filter');
    elsif not _empty and (_target.kind = 'filter' or _target.kind = 'entities' and _job.params ? 'tags'
                         or _target.kind = 'tags' and not _job.params ? 'tags') then
      perform pgjobs.refuse('PJ400', 'mixed_target', 'target', format('target: the job has %s, and %s can''t be mixed with them', case when _job.params ? 'tags' then 'tags' else 'entities' end,
          case _target.kind when 'filter' then 'a filter' else _target.kind end),
        'append what the job has already, or create another job');
    end if;
    changes := true;
  end if;
  added := case when _target.kind = 'entities' then _target.added else '[]' end;
  removed := case when _target.kind = 'entities' then _target.removed else '{}' end;
  if _target.kind = 'tags' then
    job.params := (job.params - 'listed') || jsonb_build_object('tags', (
      select jsonb_agg(distinct t.value) from jsonb_array_elements(coalesce(_job.params -> 'tags', '[]') || _target.tags) t));
    job.request := job.request || jsonb_build_object('target', jsonb_build_object('append', jsonb_build_object('tags', job.params -> 'tags')));
  elsif _target.kind = 'filter' then
    job.params := (job.params - 'listed') || jsonb_build_object('filter', _target.filter);
    job.request := job.request || jsonb_build_object('target', jsonb_build_object('filter', _target.filter));
  end if;
end;
$$;
comment on function pgjobs.read_operation_change(public.xmp_jobs, jsonb, integer) is
  'What {"request"} changes of an operation job: its columns as they would be, whether it is to be active (null: as it is), the entities that are added and removed, and whether anything but active changes. Refuses (PJ400) what can''t be right or changed.';
