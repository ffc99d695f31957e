-- Reads: job_counts, xmp_jobs, xmp_job_types, and what state_of reads   Writes: nothing
create or replace function pgjobs.page_counts(_type text)
returns jsonb
language plpgsql
stable
set search_path = pg_catalog, pg_temp
as $$
declare
  _most constant bigint := pgjobs.most_counted();
  _open bigint[] := '{}';
  _exact boolean;
  _derived jsonb;
begin
  _open := pgjobs.newest_jobs('ready', _type, _most + 1, null) || pgjobs.newest_jobs('in progress', _type, _most + 1, null);
  _exact := cardinality(_open) <= _most;
  if _exact then
    select coalesce(jsonb_object_agg(s.word, s.jobs), '{}') into _derived
    from (
      select w.page as word, count(*) as jobs
      from unnest(_open) a (id)
      cross join lateral (select x.* from public.xmp_jobs x where x.id = a.id offset 0) j
      cross join lateral pgjobs.state_of(j) t
      cross join lateral pgjobs.state_words(t.state) w
      group by w.page) s;
  end if;
  return (
    with counts as (
      select c.type, replace(c.status, 'cancelled', 'canceled') as status, greatest(sum(c.jobs), 0)::bigint as jobs
      from pgjobs.job_counts c group by 1, 2
    ), rows as (
      select c.status, sum(c.jobs)::bigint as jobs from counts c where _type is null or c.type = _type group by c.status
    ), words (place, status, words) as (
      values (1, null, 'Creating'), (2, 'ready', 'Waiting'), (3, 'in progress', 'Started'), (4, 'canceled', 'Stopped'),
             (5, 'error', 'Error,Fail'), (6, 'done', 'Finished')
    )
    select jsonb_build_object(
      'jobs', (select coalesce(sum(r.jobs), 0) from rows r),
      'exact', _exact,
      'statuses', (
        select jsonb_agg(jsonb_build_object('words', w.words, 'about', not _exact and w.status in ('ready', 'in progress', 'canceled'), 'jobs',
          case when _exact and w.status in ('ready', 'in progress') or w.status is null then 0 else coalesce((select r.jobs from rows r where r.status = w.status), 0) end
            + coalesce((_derived ->> w.words)::bigint, 0)) order by w.place)
        from words w
        where _exact or w.status is not null),
      'types', (
        select coalesce(jsonb_agg(jsonb_build_object('name', t.name, 'jobs', (select coalesce(sum(c.jobs), 0) from counts c where c.type = t.name::text))
          order by t.name), '[]')
        from public.xmp_job_types t)));
end;
$$;
comment on function pgjobs.page_counts(text) is
  'How many jobs there are (of this type; null: of all), by the words of the page, and by type. Those that have ended are read from counters; of those that are ready or in progress, up to most_counted(), the state is computed, so that each number is what its filter finds. Where there are more of them, exact is false, they go by the status of their rows, and about says which numbers that concerns.';
