-- Reads: nothing   Writes: nothing
create or replace function pgjobs.operation_steps(_steps jsonb)
returns jsonb
language sql
immutable
as $$
  -- Without a search_path of its own, as operation_json().
  select coalesce(jsonb_agg(jsonb_build_object(
      'name', s.value -> 'name', 'title', coalesce(s.value -> 'title', s.value -> 'name'), 'result', s.value -> 'result',
      'description', s.value -> 'description', 'timestamp', s.value -> 'timestamp',
      'response', case when jsonb_typeof(s.value -> 'response') = 'array' then s.value -> 'response' else '[]' end) order by s.n), '[]')
  from jsonb_array_elements(case when jsonb_typeof(_steps) = 'array' then _steps end) with ordinality s (value, n)
  where jsonb_typeof(s.value) = 'object';
$$;
comment on function pgjobs.operation_steps(jsonb) is
  'The steps that a device has reported of an operation, each with the keys that callers expect.';
