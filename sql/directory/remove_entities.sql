-- Reads: nothing   Writes: entities
create or replace function pgjobs.remove_entities(_ids text[])
returns jsonb
language sql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
  with gone as (
    delete from pgjobs.entities e where e.id = any (_ids) returning e.id
  )
  select jsonb_build_object('removed', (select count(*) from gone),
    'unknown', coalesce((select jsonb_agg(distinct i) from unnest(_ids) i where i is not null and i not in (select g.id from gone g)), '[]'));
$$;
comment on function pgjobs.remove_entities(text[]) is
  'Takes entities out of the directory; how many there were, and which ids there are not. Items of jobs that are about them stay.';
