-- Reads: nothing   Writes: nothing
create or replace function pgjobs.canonical_json(_value jsonb)
returns text
language plpgsql
immutable
set search_path = pg_catalog, pg_temp
-- One plan is kept: with the argument known it is planned anew in each call, which costs more than it saves.
set plan_cache_mode = force_generic_plan
as $$
begin
  return case jsonb_typeof(_value)
    when 'object' then '{' || coalesce((
      select string_agg(
        to_json(e.key)::text || ':'
        || case when jsonb_typeof(e.value) in ('object', 'array') then pgjobs.canonical_json(e.value) else e.value::text end,
        ',' order by e.key collate "C")
      from jsonb_each(_value) e), '') || '}'
    when 'array' then '[' || coalesce((
      select string_agg(
        case when jsonb_typeof(e.value) in ('object', 'array') then pgjobs.canonical_json(e.value) else e.value::text end,
        ',' order by e.place)
      from jsonb_array_elements(_value) with ordinality e (value, place)), '') || ']'
    else _value::text
  end;
end;
$$;
comment on function pgjobs.canonical_json(jsonb) is
  'JSON as one text that does not depend on who writes it: keys in the order of their characters, no spaces, and nothing escaped that need not be. Numbers stay as they are written.';
