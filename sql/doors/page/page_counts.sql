-- Reads: job_counts, xmp_job_types   Writes: nothing
create or replace function pgjobs.page_counts(_type text)
returns jsonb
language sql
stable
set search_path = pg_catalog, pg_temp
as $$
  with counts as (
    select c.type, replace(c.status, 'cancelled', 'canceled') as status, greatest(sum(c.jobs), 0) as jobs
    from pgjobs.job_counts c group by 1, 2
  ), words as (
    values (1, 'ready', 'Waiting', 'Creating,Waiting'), (2, 'in progress', 'Started', 'Creating,Started'), (3, 'error', 'Error', 'Error,Fail'),
           (4, 'canceled', 'Stopped', 'Stopped'), (5, 'done', 'Finished', 'Finished')
  )
  select jsonb_build_object(
    'jobs', (select coalesce(sum(c.jobs), 0) from counts c where _type is null or c.type = _type),
    'statuses', (
      select jsonb_agg(jsonb_build_object('status', w.status, 'word', w.word, 'words', w.words,
        'jobs', (select coalesce(sum(c.jobs), 0) from counts c where c.status = w.status and (_type is null or c.type = _type))) order by w.place)
      from words w (place, status, word, words)),
    'types', (
      select coalesce(jsonb_agg(jsonb_build_object('name', t.name, 'jobs', (select coalesce(sum(c.jobs), 0) from counts c where c.type = t.name::text))
        order by t.name), '[]')
      from public.xmp_job_types t));
$$;
comment on function pgjobs.page_counts(text) is
  'How many jobs there are (of this type; null: of all), by the status of their rows, and by type: read from counters, nothing is counted.';
