-- Reads: nothing   Writes: nothing
create or replace function pgjobs.shown_steps(_steps jsonb, _most integer)
returns jsonb
language sql
stable
set search_path = pg_catalog, pg_temp
as $$
  select coalesce(jsonb_agg(
    case when jsonb_typeof(s.value) = 'object' then jsonb_build_object(
      'number', s.n, 'name', pgjobs.clipped(coalesce(s.value ->> 'title', s.value ->> 'name'), 200),
      'result', pgjobs.clipped(s.value ->> 'result', 200),
      'at', pgjobs.step_moment(s.value ->> 'timestamp'),
      'said_at', pgjobs.clipped(s.value ->> 'timestamp', 60),
      'description', pgjobs.clipped(s.value ->> 'description', 2000),
      'more', pgjobs.clipped(nullif(nullif(s.value -> 'response', '[]'), 'null')::text, 4000))
    else jsonb_build_object('number', s.n, 'name', null, 'result', null, 'at', null, 'said_at', null,
      'description', pgjobs.clipped(s.value #>> '{}', 2000), 'more', null) end order by s.n), '[]')
  from jsonb_array_elements(case when jsonb_typeof(_steps) = 'array' then _steps end) with ordinality s (value, n)
  -- Of many the first and the last ones: those say how an attempt began, and how it ended.
  where s.n <= _most / 2 or s.n > jsonb_array_length(_steps) - (_most - _most / 2);
$$;
comment on function pgjobs.shown_steps(jsonb, integer) is
  'The steps that a consumer has reported of an item, as a page shows them: so many of them at most, the first and the last ones, whatever they hold; number: its place among all, at: their time where it can be read, said_at: as it was said, more: their response.';
