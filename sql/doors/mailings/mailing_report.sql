-- Reads: xmp_jobs, items, item_counts, open_totals   Writes: nothing
create or replace function pgjobs.mailing_report(_day date default null)
returns text
language plpgsql
stable
security definer
set search_path = pg_catalog, pg_temp
set timezone = 'UTC'
as $$
declare
  _of constant date := coalesce(_day, pgjobs.now()::date - 1);
  _from constant timestamptz := _of;
  _to constant timestamptz := _from + interval '1 day';
  _mailings json;
  _data json;
begin
  with active as (
    select j.id, j.params, j.run_at, j.stop_at, j.finish_at, j.deleted_at
    from public.xmp_jobs j
    where j.type::text = 'mailing' and j.finish_at >= _from and exists (select from pgjobs.shards p where p.job_id = j.id and p.started_at < _to)
    union
    select j.id, j.params, j.run_at, j.stop_at, j.finish_at, j.deleted_at
    from pgjobs.open_totals o join public.xmp_jobs j on j.id = o.job_id
    where exists (select from pgjobs.shards p where p.job_id = j.id and p.started_at < _to)
  ), counted as (
    select a.id, pgjobs.message_status(i.status) as status, count(*) as n
    from active a
    join pgjobs.items i on i.job_id = a.id
    where i.closed_at >= _from and i.closed_at < _to
    group by 1, 2
  ), told as (
    select json_build_object(
        'id', a.id, 'text', left(a.params ->> 'text', 100), 'start_time', pgjobs.instant_text(pgjobs.utc(a.run_at)), 'end_time', pgjobs.instant_text(a.stop_at),
        'ended_at', pgjobs.instant_text(pgjobs.utc(a.finish_at)), 'deleted', a.deleted_at is not null, 'sent_late', pgjobs.sent_late(a.id),
        'message_data', (
          select coalesce(json_agg(json_build_object('status', c.status, 'count', c.n) order by c.status collate "C"), '[]') from counted c where c.id = a.id)) as mailing, a.id
    from active a
  )
  select (select coalesce(json_agg(t.mailing order by t.id), '[]') from told t),
         (select coalesce(json_agg(json_build_object('status', s.status, 'count', s.n) order by s.status collate "C"), '[]')
          from (select c.status, sum(c.n) as n from counted c group by c.status) s)
  into _mailings, _data;
  return json_build_object('day', _of, 'message_data', _data, 'mailings', _mailings);
end;
$$;
comment on function pgjobs.mailing_report(date) is
  'The statistics of a day (UTC; left out: yesterday) as JSON: the mailings that ran on it, deleted ones too, and of each, and of all, how many messages came to which end on it; sent_late: of the whole mailing, until now. It reads the messages of these mailings.';
