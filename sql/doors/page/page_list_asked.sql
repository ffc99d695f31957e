-- Reads: xmp_job_types   Writes: nothing
create or replace function pgjobs.page_list_asked(_given jsonb)
returns jsonb
language plpgsql
stable
set search_path = pg_catalog, pg_temp
set timezone = 'UTC'
set datestyle = 'ISO, YMD'
as $$
declare
  _sorts constant text[] := '{newest,oldest,started,finished,next,name}';
  _words constant text[] := pgjobs.page_given_words(_given);
  _type constant text := pgjobs.page_given_text(_given, 'type');
  _job constant text := pgjobs.page_given_text(_given, 'job');
  _from constant timestamptz := pgjobs.page_given_moment(_given, 'created_from');
  _to constant timestamptz := pgjobs.page_given_moment(_given, 'created_to');
  _name constant text := pgjobs.page_given_text(_given, 'name');
  _sort constant text := coalesce(pgjobs.page_given_text(_given, 'sort'), case when _name is null then 'newest' else 'name' end);
  _size constant text := coalesce(pgjobs.page_given_text(_given, 'size'), '50');
  _number bigint;
  _order text;
begin
  if _type is not null and not exists (select from public.xmp_job_types t where t.name::text = _type) then
    perform pgjobs.refuse('PJ400', 'unknown_type', 'type', format('type: %L is not a registered job type', left(_type, 100)),
      'choose one of the list, or leave it out');
  elsif _sort <> all (_sorts) then
    perform pgjobs.refuse('PJ400', 'bad_sort', 'sort', format('sort: %L is no order of this list', left(_sort, 100)),
      'use ' || array_to_string(_sorts, ', '));
  elsif _size not in ('25', '50', '100') then
    perform pgjobs.refuse('PJ400', 'bad_size', 'size', format('size: a page has no %s jobs', left(_size, 100)), 'use 25, 50 or 100');
  elsif _from >= _to then
    perform pgjobs.refuse('PJ400', 'bad_range', 'created_to', 'created_to: it does not lie behind created_from', 'give a later moment, or leave one of the two out');
  elsif nullif(_given ->> 'after', '') is not null and nullif(_given ->> 'before', '') is not null then
    perform pgjobs.refuse('PJ400', 'bad_before', 'before', 'before: after is given as well', 'give one of the two');
  end if;
  if _job ~ '^-?[0-9]{1,18}$' then
    _number := _job::bigint;
  elsif _job ~* '^[0-9a-f]{8}(-?[0-9a-f]{4}){4}[0-9a-f]{8}$' then
    _number := coalesce(pgjobs.job_of_guid(_job::uuid), -9223372036854775808);
  elsif _job is not null then
    perform pgjobs.refuse('PJ400', 'bad_job', 'job', format('job: %L is neither a number nor a GUID', left(_job, 100)),
      'give the number of a job, as in 7, or its GUID');
  end if;
  -- With a time of creation the newest one is the one that was created last.
  _order := case when _from is null and _to is null then _sort when _sort = 'newest' then 'created' when _sort = 'oldest' then 'earliest' else _sort end;
  return jsonb_build_object(
    'words', _words, 'type', _type, 'job', _job, 'number', _number, 'name', _name,
    'reference', pgjobs.page_given_text(_given, 'reference'), 'who', pgjobs.page_given_text(_given, 'who'),
    'user', pgjobs.page_given_number(_given, 'user', 'user'), 'task', pgjobs.page_given_number(_given, 'task', 'task'),
    'created_from', _from, 'created_to', _to, 'sort', _sort, 'order', _order, 'size', _size::bigint,
    'back', nullif(_given ->> 'before', '') is not null,
    'position', coalesce(pgjobs.page_list_position(_given, 'after', _order), pgjobs.page_list_position(_given, 'before', _order)));
end;
$$;
comment on function pgjobs.page_list_asked(jsonb) is
  'What the list of jobs is asked for, read from its parameters, {"status": "Error,Fail", "size": "50"}: filters, order, size, and where the page begins. Refuses (PJ400) what it can''t read.';
