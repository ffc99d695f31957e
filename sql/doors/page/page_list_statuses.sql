-- Reads: nothing   Writes: nothing
create or replace function pgjobs.page_list_statuses(_words text[], out possible text[], out certain text[])
language sql
immutable
set search_path = pg_catalog, pg_temp
as $$
  select coalesce(array_agg(s.status order by s.status) filter (where s.some), '{}'),
         coalesce(array_agg(s.status order by s.status) filter (where s.whole), '{}')
  from (
    select m.status, bool_or(w.page = any (_words)) as some, bool_and(w.page = any (_words)) as whole
    from pgjobs.state_statuses() m cross join lateral pgjobs.state_words(m.state) w
    group by m.status) s;
$$;
comment on function pgjobs.page_list_statuses(text[]) is
  'The statuses of xmp_jobs that a job may have which has one of these status words of the page, and those whose jobs certainly have one of them.';
