-- Reads: events, switch_holds, uncertain_ranges, xmp_jobs, job_status, job_item_counts, shards, checkpoints, cancellations, switch, holds, and what plan reads   Writes: nothing
create or replace function pgjobs.page_progress(_ids bigint[])
returns jsonb
language plpgsql
stable
security definer
set search_path = pg_catalog, pg_temp
set timezone = 'UTC'
-- One plan serves any ids, and making it takes longer than reading a job.
set plan_cache_mode = force_generic_plan
as $$
begin
  return (
    select coalesce(jsonb_agg(jsonb_build_object(
      'id', a.id, 'state', t.state, 'status', w.page, 'remark', pgjobs.state_remark(a.id, t.state),
      'final', t.state in ('finished', 'cancelled', 'ended_broken'),
      'moving', t.state in ('preparing', 'running', 'stopping', 'cancelling'),
      'percent', coalesce(s.percent, 0), 'total', o.total, 'about', o.about, 'considered', coalesce(s.considered, 0), 'sent', coalesce(s.sent, 0),
      'skipped', coalesce(s.skipped, 0), 'returned', coalesce(s.returned, 0), 'items', i.items,
      'rate', n.rate, 'average', n.average,
      -- What is paused, or ends before it is through, has no moment at which it is through.
      'eta', case when pgjobs.standstill_reason() is null then case t.state when 'running' then s.eta when 'waiting' then pgjobs.eta(a.id) end end,
      'no_eta', case when t.state in ('running', 'waiting') then pgjobs.standstill_reason() end,
      -- A daemon may be about to let go of it.
      'why', coalesce(s.why, case t.state when 'paused' then coalesce(pgjobs.held_reason(), pgjobs.pause_reason(a.id)) end), 'owner', s.owner, 'started_at', s.started_at, 'updated_at', s.updated_at, 'finish_at', s.finish_at
      ) order by a.place), '[]')
    from unnest(_ids) with ordinality a (id, place)
    -- Each by its id, whatever the statistics say: the view is never computed for other jobs.
    cross join lateral (select pgjobs.job_state(r) as state from public.xmp_jobs r where r.id = a.id offset 0) t
    cross join lateral (select * from pgjobs.job_status v where v.id = a.id offset 0) s
    left join lateral pgjobs.state_words(t.state) w on true
    -- By the same share as percent and the bar: the planner's estimate would contradict them.
    cross join lateral (
      select case when s.percent = 100 or s.items_closed is not null then s.total
                  when s.percent >= 0.5 then pgjobs.whole(round(k.n, (1 - floor(log(greatest(k.n, 1))))::integer)) end as total,
             s.percent < 100 and s.items_closed is null as about
      from (select s.considered * 100 / nullif(s.percent, 0)) k (n)) o
    left join lateral (
      select jsonb_build_object(
        'open', c.waiting + c.launched + c.to_retry, 'good', c.good, 'failed', c.failed, 'timed_out', c.timed_out,
        'cancelled', c.cancelled, 'refused', c.refused) as items
      from pgjobs.job_item_counts c where c.job_id = a.id offset 0) i on true
    left join lateral (
      -- Only of what runs its events are read.
      select v.lately as rate, v.average from (select where t.state = 'running') r cross join lateral pgjobs.job_speeds(a.id) v offset 0) n on true);
exception when others then
  if cardinality(_ids) > 1 then
    return (
      select coalesce(jsonb_agg(e.job order by a.place), '[]')
      from unnest(_ids) with ordinality a (id, place)
      cross join lateral jsonb_array_elements(pgjobs.page_progress(array[a.id])) e (job));
  end if;
  -- A job whose figures cannot be computed is shown all the same.
  return (
    select coalesce(jsonb_agg(jsonb_build_object(
      'id', j.id, 'state', t.state, 'status', w.page, 'remark', null, 'final', false, 'moving', false, 'percent', 0, 'total', null, 'about', false, 'considered', 0,
      'sent', 0, 'skipped', 0, 'returned', 0, 'items', null, 'rate', null, 'average', null, 'eta', null, 'no_eta', null,
      'why', 'its progress cannot be computed: ' || sqlerrm, 'owner', null, 'started_at', null, 'updated_at', null,
      'finish_at', j.finish_at)), '[]')
    from public.xmp_jobs j
    cross join lateral (select pgjobs.job_state(j)) t (state)
    left join lateral pgjobs.state_words(t.state) w on true
    where j.id = any (_ids));
end;
$$;
comment on function pgjobs.page_progress(bigint[]) is
  'What moves of these jobs, for the jobs page: state and status word, counts, how many records there are (total; about: by the share that is done, to two digits), what was sent by second within the last ten seconds in which they could move (rate) and of all of that time (average), as job_speeds() says, eta, or why nobody can say it (no_eta), why they do not move; final: they never move again; moving: it is worth looking every second. A JSON array in the order of the ids; there is nothing for an id that no job has.';
