-- Reads: nothing   Writes: nothing
create or replace function pgjobs.filter_condition(_filter jsonb, _fields jsonb, _case_sensitive boolean default true)
returns text
language plpgsql
stable
set search_path = pg_catalog, pg_temp
set timezone = 'UTC'
as $$
declare
  _most constant integer := 65536;
  _most_tests constant integer := 200;
  _condition text;
  _tests integer;
begin
  if jsonb_typeof(_filter) is distinct from 'object' then
    perform pgjobs.refuse('PJ400', 'bad_filter', 'filter', 'filter: it has to be a JSON object', 'write {} for everything');
  end if;
  if length(_filter::text) > _most then
    perform pgjobs.refuse('PJ400', 'bad_filter', 'filter', format('filter: it is larger than %s KB', _most / 1024), 'ask for less at a time');
  end if;
  if _filter = '{}' then
    return 'true';
  end if;
  select n.condition, n.tests into _condition, _tests from pgjobs.filter_node(_filter, _fields, coalesce(_case_sensitive, true), 'filter', 1) n;
  if _tests > _most_tests then
    perform pgjobs.refuse('PJ400', 'bad_filter', 'filter', format('filter: it has %s conditions', _tests),
      format('give at most %s; one of in may name many values', _most_tests));
  end if;
  return _condition;
end;
$$;
comment on function pgjobs.filter_condition(jsonb, jsonb, boolean) is
  'A search filter as an SQL condition: {} (everything), or and, or with a list of conditions that is not empty, nested up to ten deep, or an operator with a field and its value: eq, neq, like (a regular expression, found anywhere), gt, lt, gte, lte, in, nin (lists), exists (true or false). neq and nin are true where the field has no value. _fields: which fields there are: {"jobId": {"sql": "j.id", "type": "bigint"}, "job.id": "jobId"}, a text names another field; sql is taken as it is, so it must never come from a caller; type is text, bigint, numeric, boolean, timestamptz, tags (text[]) or attributes (jsonb, for "*": any field of a dotted name that is not named). What the filter says gets into the condition by quote_literal alone. Refuses (PJ400) what is no filter, an unknown field, a value that does not fit, and what is too much, naming the place.';
