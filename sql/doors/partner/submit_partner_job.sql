-- Reads: xmp_job_types, requests   Writes: xmp_jobs, injection_lines, requests (sends NOTIFY pgjobs)
create or replace function pgjobs.submit_partner_job(
  _actor text, _partner text, _app text, _method text, _args jsonb, _payload text, _once jsonb default null)
returns jsonb
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  -- What all messages of a job may have together, for each item is sent with all that is no item.
  _most constant bigint := 64 * 1024 * 1024;
  _known constant jsonb := pgjobs.known_request(_actor, _once);
  _former constant text := pgjobs.set_actor(_actor);
  _type public.xmp_job_types;
  _path text[];
  _items json := json_build_array(_payload::json);
  _rest jsonb := '{}';
  _head bytea;
  _job bigint;
  _guid uuid;
  _answer jsonb;
begin
  if _known is not null then
    return _known;
  end if;
  perform pgjobs.partner_app(_app);
  select * into strict _type from public.xmp_job_types t where t.name = _app;
  _path := string_to_array(case when _type.defaults ? 'items' then nullif(_type.defaults ->> 'items', '') else 'items' end, '.');
  if json_typeof(_payload::json #> _path) = 'array' and json_array_length(_payload::json #> _path) > 0 then
    _items := _payload::json #> _path;
    _rest := jsonb_build_object('payload', _payload::jsonb #- _path);
  end if;
  insert into public.xmp_jobs (type, submitted_by, request)
  values (_app, _actor, jsonb_build_object('door', 'partner', 'partner', _partner, 'method', _method, 'args', _args))
  returning id, guid into _job, _guid;
  _head := convert_to(left(
    (_rest || jsonb_build_object('app', _app, 'partner', _partner, 'method', _method, 'job_id', _guid,
      'args', (select coalesce(jsonb_object_agg(a ->> 0, a -> 1), '{}') from jsonb_array_elements(_args) a)))::text, -1), 'UTF8');
  if json_array_length(_items) * octet_length(_head)::bigint > _most then
    perform pgjobs.refuse('PJ413', 'too_large', 'payload',
      format('the payload has %s items, and each is sent with the %s bytes that are no item: that is too much', json_array_length(_items), octet_length(_head)),
      'send fewer items at once, or less beside them');
  end if;
  insert into pgjobs.injection_lines (job_id, line_no, raw, msisdn)
  select _job, 0, _head, ''
  union all
  select _job, e.n, convert_to(e.value::text, 'UTF8'),
         left(coalesce(nullif(case when json_typeof(e.value) = 'object' then e.value ->> (_type.defaults ->> 'target') end, ''), e.n::text), 200)
  from json_array_elements(_items) with ordinality e (value, n);
  _answer := jsonb_build_object('job_id', _guid);
  perform pgjobs.keep_request(_actor, _once, _answer);
  perform set_config('pgjobs.actor', _former, true);
  return _answer;
end;
$$;
comment on function pgjobs.submit_partner_job(text, text, text, text, jsonb, text, jsonb) is
  'Makes a job of a type of the partner door out of a payload (a JSON text) and answers {job_id}: its GUID. Each element of the array that the type''s defaults name (items: a path with dots; items where it says nothing) is an item of the job, and is called by its field target, or by its place; a payload without such an array is one item. _args: [[name, [values]], ...], shown again in this order. Refuses (PJ404, PJ413, PJ409 of a key that was used for another request).';
