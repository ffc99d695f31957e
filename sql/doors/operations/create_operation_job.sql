-- Reads: xmp_job_types, entities   Writes: xmp_jobs, items, requests
create or replace function pgjobs.create_operation_job(
  _job json, _resource_type text, _most integer, _actor text, _once jsonb, out id text, out answer json, out revision text)
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
set timezone = 'UTC'
as $$
declare
  _former constant text := pgjobs.set_actor(_actor);
  _read record;
  _new public.xmp_jobs;
  _refused jsonb;
begin
  answer := pgjobs.known_request(_actor, _once);
  if answer is not null then
    id := answer ->> 'id';
    select j.xmin::text into revision from public.xmp_jobs j where j.id = create_operation_job.id::bigint;
    return;
  end if;
  perform pgjobs.check_known_keys(_job::jsonb, '', '{id,request}');
  select * into _read from pgjobs.read_operation_request(nullif(_job::jsonb -> 'request', 'null'), _resource_type, _most);
  _new := _read.job;
  insert into public.xmp_jobs (type, params, name, run_at, active, stop_at, schedule, rules, callback_url, notify, notes, request, submitted_by)
  values (_new.type, _new.params, _new.name, _new.run_at, _new.active, _new.stop_at, _new.schedule, _new.rules, _new.callback_url, _new.notify,
          _new.notes, _new.request, _actor)
  returning * into _new;
  _refused := pgjobs.add_operation_targets(_new.id, _read.added, '{}');
  if _new.active then
    perform pgjobs.expect_entities(_new, _refused);
  end if;
  perform pgjobs.expand_soon(_new.id);
  select * into _new from public.xmp_jobs j where j.id = _new.id;
  id := _new.id::text;
  answer := json_build_object('id', id, 'request', _job -> 'request', 'report', pgjobs.operation_report(_new) || jsonb_build_object('target', _refused));
  select j.xmin::text into revision from public.xmp_jobs j where j.id = _new.id;
  perform pgjobs.keep_request(_actor, _once, answer::jsonb);
  perform set_config('pgjobs.actor', _former, true);
end;
$$;
comment on function pgjobs.create_operation_job(json, text, integer, text, jsonb) is
  'Creates an operation job from {"request"} on behalf of the actor, at once with the entities that it names, of which _most may come at once; entities by tag or filter are chosen afterwards. Answers with its number, its request as it came and its report, and in report.target with the entities that were refused. Refuses (PJ400) what can''t be right. _once: the same request under the same key gets the same answer again.';
