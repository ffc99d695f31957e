-- Reads: nothing   Writes: nothing
create or replace function pgjobs.read_column(_name text, _value jsonb)
returns text
language plpgsql
stable
set search_path = pg_catalog, pg_temp
set timezone = 'UTC'
as $$
declare
  _kind constant text := pgjobs.cms_columns() ->> _name;
  _given constant text := jsonb_typeof(_value);
  _shown constant text := left(_value::text, 100);
  _most constant bigint := case _kind when 'integer' then 2147483647 else 9223372036854775807 end;
  _moment timestamptz;
begin
  if _kind is null then
    perform pgjobs.refuse('PJ400', 'unknown_column', _name, format('%s: a job has no such column that can be written', left(_name, 100)),
      'the columns are ' || (select string_agg(k, ', ' order by k) from jsonb_object_keys(pgjobs.cms_columns()) k));
  elsif _given = 'null' then
    return null;
  elsif _kind in ('integer', 'bigint') then
    if _given <> 'number' or _value::numeric <> trunc(_value::numeric) or _value::numeric not between -_most - 1 and _most then
      perform pgjobs.refuse('PJ400', 'bad_' || _name, _name, format('%s: %s is not a whole number from %s to %s', _name, _shown, -_most - 1, _most),
        'write it as a JSON number, as in 7');
    end if;
    return trunc(_value::numeric)::text;
  elsif _kind = 'number' and _given <> 'number' then
    perform pgjobs.refuse('PJ400', 'bad_' || _name, _name, format('%s: %s is not a number', _name, _shown), 'write it as a JSON number, as in 0.5');
  elsif _kind = 'boolean' and _given <> 'boolean' then
    perform pgjobs.refuse('PJ400', 'bad_' || _name, _name, format('%s: %s is neither true nor false', _name, _shown), 'write true or false, without quotes');
  elsif _kind = 'object' and _given <> 'object' then
    perform pgjobs.refuse('PJ400', 'bad_' || _name, _name, format('%s: it has to be a JSON object', _name), 'write {} for none');
  elsif _kind in ('text', 'moment') and _given <> 'string' then
    perform pgjobs.refuse('PJ400', 'bad_' || _name, _name, format('%s: %s is not a text', _name, _shown), 'write it as a JSON string, in quotes');
  elsif _kind = 'moment' then
    begin
      _moment := pgjobs.read_moment(jsonb_build_object(_name, _value), _name);
    exception when sqlstate 'PJ400' then
      null;
    end;
    if _moment is null then
      perform pgjobs.refuse('PJ400', 'bad_' || _name, _name, format('%s: %s is not a date or a timestamp', _name, _shown),
        'write it as 2016-10-31 or 2016-10-31T18:30:00Z (UTC unless it carries an offset)');
    end if;
    -- In UTC, so that a column without a time zone gets the right moment.
    return _moment::text;
  end if;
  return _value #>> '{}';
end;
$$;
comment on function pgjobs.read_column(text, jsonb) is
  'A column of a job, as JSON has it, as a literal of SQL; refuses (PJ400) what is no such column, or not of its kind. What a value may be is for the triggers to say.';
