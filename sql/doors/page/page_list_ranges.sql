-- Reads: switch   Writes: nothing
create or replace function pgjobs.page_list_ranges(_words text[])
returns table (status text, part text)
language sql
stable
set search_path = pg_catalog, pg_temp
-- One plan is kept: with the argument known it is planned anew in each call, which costs more than it saves.
set plan_cache_mode = force_generic_plan
as $$
  with parts as (
    select m.status, case
      when m.state = 'preparing' and m.status = 'ready' then 'expanded'
      -- While everything is held, whatever is in progress is paused.
      when m.state = 'paused' and (m.status = 'ready' or not exists (select from pgjobs.switch s where s.held)) then 'inactive'
      else 'whole' end as part
    from pgjobs.state_statuses() m cross join lateral pgjobs.state_words(m.state) w
    where w.page = any (_words)
  )
  select distinct p.status, p.part
  from parts p
  where p.part = 'whole' or not exists (select from parts o where o.status = p.status and o.part = 'whole');
$$;
comment on function pgjobs.page_list_ranges(text[]) is
  'Where the jobs are to be looked for that have one of these status words of the page: among all of a status (whole), those of it that are not active (inactive), or those whose items are just being written (expanded).';
