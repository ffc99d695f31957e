-- Reads: nothing   Writes: nothing
create or replace function pgjobs.check_format(_format text, _options jsonb)
returns void
language plpgsql
stable
set search_path = pg_catalog, pg_temp
set timezone = 'UTC'
as $$
declare
  _known constant text[] := '{task,expires,timelimit,priority,ignore_result}';
  _most constant numeric := 315360000;
  -- Of ISO 8601 what Python and PostgreSQL read alike.
  _moment constant text := '^[0-9]{4}-[0-9]{2}-[0-9]{2}([T ]([01][0-9]|2[0-3]):[0-5][0-9](:[0-5][0-9]([.][0-9]{1,6})?)?(Z|[+-]([01][0-9]|2[0-3]):[0-5][0-9])?)?$';
  _key text;
  _value jsonb;
  _right boolean;
  _wrong text;
begin
  if _format not in ('event', 'plain', 'celery') then
    perform pgjobs.refuse('PJ400', 'bad_format', 'format', format('format: %L is unknown', left(_format, 100)),
      'use event, plain or celery', 'public.xmp_job_types');
  end if;
  if jsonb_typeof(_options) is distinct from 'object' then
    perform pgjobs.refuse_field('format_options', 'it has to be a JSON object', 'write {} for none', 'public.xmp_job_types');
  end if;
  if _format <> 'celery' and _options <> '{}' then
    perform pgjobs.refuse_field('format_options', (select string_agg(k, ', ') from jsonb_object_keys(_options) k) || ': messages of this format have none',
      'write {}, or take another format', 'public.xmp_job_types');
  end if;
  for _key, _value in select e.key, e.value from jsonb_each(_options) e loop
    if _key <> all (_known) then
      perform pgjobs.refuse_field('format_options', format('%s is none of %s', left(_key, 255), array_to_string(_known, ', ')),
        'what else a task needs stands in the bodies of the records', 'public.xmp_job_types');
    end if;
    continue when _value = 'null';
    if _key = 'task' then
      _right := jsonb_typeof(_value) = 'string' and octet_length(convert_to(_value #>> '{}', 'UTF8')) between 1 and 255;
      _wrong := 'a text of 1 to 255 bytes';
    elsif _key = 'expires' then
      _right := false;
      _wrong := format('a moment in ISO 8601, or seconds up to %s', _most);
      if jsonb_typeof(_value) = 'number' then
        _right := _value::numeric > 0 and _value::numeric <= _most;
      elsif jsonb_typeof(_value) = 'string' and _value #>> '{}' ~ _moment then
        begin
          _right := (_value #>> '{}')::timestamptz >= timestamptz '0001-01-01 00:00Z' and (_value #>> '{}')::timestamptz < timestamptz '9999-12-31 24:00Z';
        exception when data_exception then
          null;
        end;
      end if;
    elsif _key = 'timelimit' then
      _right := case when jsonb_typeof(_value) <> 'array' or jsonb_array_length(_value) = 2 then not exists (
        select from jsonb_array_elements(case jsonb_typeof(_value) when 'array' then _value else jsonb_build_array(_value) end) l (value)
        where l.value <> 'null'
          and case when jsonb_typeof(l.value) = 'number' then l.value::numeric not between 1 and _most or l.value::numeric <> trunc(l.value::numeric) else true end)
        else false end;
      _wrong := format('whole seconds up to %s, or [hard, soft]', _most);
    elsif _key = 'priority' then
      _right := case when jsonb_typeof(_value) = 'number' then _value::numeric between 0 and 255 and _value::numeric = trunc(_value::numeric) else false end;
      _wrong := 'a whole number from 0 to 255';
    else
      _right := jsonb_typeof(_value) = 'boolean';
      _wrong := 'true or false';
    end if;
    if not _right then
      perform pgjobs.refuse_field('format_options.' || _key, format('%s is not %s', left(_value::text, 100), _wrong),
        'mend it, or leave it out', 'public.xmp_job_types');
    end if;
  end loop;
end;
$$;
comment on function pgjobs.check_format(text, jsonb) is
  'Refuses a format that there is not, and options that no message of it could have: all that pgjobs/broker/formats would refuse when a job begins. Both are held to the same cases by a test.';
