-- Reads: nothing   Writes: nothing
create or replace function pgjobs.search_statuses(_words text[])
returns text[]
language sql
immutable
set search_path = pg_catalog, pg_temp
as $$
  select array(
    select distinct m.status
    from (values
      ('INITIATING', 'ready'), ('INITIATING', 'in progress'), ('IDLE', 'ready'), ('SCHEDULED', 'ready'), ('IN_PROGRESS', 'in progress'),
      ('PAUSED', 'ready'), ('PAUSED', 'in progress'), ('PAUSED', 'error'), ('PAUSED', 'canceled'), ('PAUSED', 'cancelled'),
      ('CANCELLING', 'canceled'), ('CANCELLING', 'cancelled'),
      ('CANCELLED', 'canceled'), ('CANCELLED', 'cancelled'), ('CANCELLED', 'error'), ('FINISHED', 'done')) m (word, status)
    where _words is null or m.word = any (select upper(w) from unnest(_words) w)
    order by 1);
$$;
comment on function pgjobs.search_statuses(text[]) is
  'The statuses of xmp_jobs that jobs may have whose state is one of these words; null: any. pgjobs.state_words() has the words.';
