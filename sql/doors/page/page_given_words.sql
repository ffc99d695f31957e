-- Reads: nothing   Writes: nothing
create or replace function pgjobs.page_given_words(_given jsonb)
returns text[]
language plpgsql
stable
set search_path = pg_catalog, pg_temp
as $$
declare
  _known constant text[] := '{Creating,Waiting,Started,Stopped,Error,Finished,Fail}';
  _texts constant text[] := array(
    select btrim(t) from unnest(string_to_array(pgjobs.page_given_text(_given, 'status'), ',')) t where btrim(t) <> '');
  _odd constant text := (select t from unnest(_texts) t where lower(t) <> all (array(select lower(k) from unnest(_known) k)) limit 1);
begin
  if _odd is not null then
    perform pgjobs.refuse('PJ400', 'bad_status', 'status', format('status: there is no status %L', left(_odd, 100)),
      'use ' || array_to_string(_known, ', ') || '; several of them with commas');
  end if;
  return array(select k from unnest(_known) with ordinality w (k, n) where lower(k) = any (array(select lower(t) from unnest(_texts) t)) order by n);
end;
$$;
comment on function pgjobs.page_given_words(jsonb) is
  'The status words that the list of jobs is asked for, in their order, each once; an empty array: all. Refuses (PJ400) any other word.';
