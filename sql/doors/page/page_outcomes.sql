-- Reads: outcomes, item_counts   Writes: nothing
create or replace function pgjobs.page_outcomes(_id bigint)
returns jsonb
language sql
stable
security definer
set search_path = pg_catalog, pg_temp
as $$
  with records as (
    select o.action, nullif(o.code, '') as code, sum(o.n) as n from pgjobs.outcomes o where o.job_id = _id group by 1, 2 having sum(o.n) > 0
  ), items as (
    select c.status, sum(c.n) as n from pgjobs.item_counts c where c.job_id = _id group by 1 having sum(c.n) > 0
  ), closed as (
    select w.page, w.plain, i.n, w.place
    from (select a.*, row_number() over () as place from pgjobs.item_words() a) w join items i on i.status = w.status
  )
  select jsonb_build_object(
    'records', (select coalesce(sum(r.n), 0) from records r),
    'outcomes', (
      select coalesce(jsonb_agg(jsonb_build_object(
        'action', r.action, 'code', r.code,
        'words', case when r.code is null then initcap(r.action) else coalesce(k.words, r.code) end,
        'meaning', pgjobs.code_meaning(r.code),
        'records', r.n, 'percent', 100 * r.n / (select sum(a.n) from records a)) order by r.n desc, r.action, r.code), '[]')
      from records r left join pgjobs.record_codes() k on k.code = r.code),
    'tracked', (
      select jsonb_build_object(
        'total', sum(c.n),
        'statuses', jsonb_agg(jsonb_build_object('word', c.page, 'state', c.plain, 'n', c.n, 'percent', 100 * c.n / (select sum(a.n) from closed a)) order by c.place))
      from closed c having count(*) > 0),
    'answers', jsonb_build_object(
      'late_good', coalesce((select i.n from items i where i.status = 'G'), 0),
      'late_failed', coalesce((select i.n from items i where i.status = 'B'), 0),
      'repeated', coalesce((select i.n from items i where i.status = 'D'), 0),
      'stopped', coalesce((select i.n from items i where i.status = 'S'), 0)));
$$;
comment on function pgjobs.page_outcomes(bigint) is
  'What became of the records of a job so far, as JSON for the jobs page: by action and code with its words and meaning, the number and the percentage of each, most first; of a tracked job its items by status likewise (else null), and the answers that changed nothing. Read from counters.';
