-- Reads: nothing   Writes: nothing
create or replace function pgjobs.search_statuses(_words text[])
returns text[]
language sql
immutable
set search_path = pg_catalog, pg_temp
as $$
  select array(
    select distinct s.status
    from pgjobs.state_statuses() s
    cross join lateral pgjobs.state_words(s.state) w
    where _words is null or w.operations = any (select upper(u) from unnest(_words) u)
    order by 1);
$$;
comment on function pgjobs.search_statuses(text[]) is
  'The statuses of xmp_jobs that jobs may have whose state is one of these words; null: any. pgjobs.state_words() has the words.';
