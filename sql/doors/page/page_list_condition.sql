-- Reads: nothing   Writes: nothing
create or replace function pgjobs.page_list_condition(_asked jsonb)
returns text
language sql
stable
set search_path = pg_catalog, pg_temp
-- One plan is kept: with the argument known it is planned anew in each call, which costs more than it saves.
set plan_cache_mode = force_generic_plan
as $$
  select concat_ws(' and ',
    case when _asked ->> 'number' is not null then format('j.id = %s', _asked ->> 'number') end,
    case when _asked ->> 'type' is not null then format('j.type::text = %L', _asked ->> 'type') end,
    case when _asked ->> 'user' is not null then format('j.id_user = %s', _asked ->> 'user') end,
    case when _asked ->> 'task' is not null then format('j.task_id = %s', _asked ->> 'task') end,
    case when _asked ->> 'who' is not null then format('j.submitted_by = %L', _asked ->> 'who') end,
    case when _asked ->> 'reference' is not null then format('j.reference_id = %L', _asked ->> 'reference') end,
    case when _asked ->> 'name' is not null then format('starts_with(lower(j.name), lower(%L))', _asked ->> 'name') end,
    case when _asked ->> 'created_from' is not null then format('pgjobs.utc(j.created_at) >= %L', _asked ->> 'created_from') end,
    case when _asked ->> 'created_to' is not null then format('pgjobs.utc(j.created_at) < %L', _asked ->> 'created_to') end,
    case when _asked -> 'words' <> '[]' then format('j.status::text = any (%L)', s.possible) end,
    case when _asked -> 'words' <> '[]' and s.possible <> s.certain then
      format('(j.status::text = any (%L) or (select t.state from pgjobs.state_of(j) t) = any (%L))', s.certain, array(
        select distinct m.state from pgjobs.state_statuses() m cross join lateral pgjobs.state_words(m.state) p where p.page = any (w.words))) end)
  from (select array(select jsonb_array_elements_text(_asked -> 'words')) as words) w
  cross join lateral pgjobs.page_list_statuses(w.words) s;
$$;
comment on function pgjobs.page_list_condition(jsonb) is
  'The condition over j (xmp_jobs) that a job of the list has to meet, as SQL; what costs most stands last. Empty: any job does.';
