-- Reads: xmp_jobs, cancellations   Writes: checkpoints, injection_lines, uncertain_ranges, items, item_bodies, item_counts, item_offers, item_retries, item_launches, refused_records, outcomes, events, log_segments, shards, open_totals, item_totals, xmp_jobs (a job that goes)
create or replace function pgjobs.clear_of_job(_what text, _id bigint, _finish_at timestamptz, _most bigint)
returns bigint
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  _status text;
  _final boolean;
  _gone bigint := 0;
  _bodies bigint;
begin
  if not (case _what
    when 'checkpoints' then exists (select from pgjobs.checkpoints c where c.job_id = _id)
    when 'lines' then exists (select from pgjobs.injection_lines l where l.job_id = _id)
    when 'uncertain_ranges' then exists (select from pgjobs.uncertain_ranges u where u.job_id = _id)
    when 'items' then exists (select from pgjobs.items i where i.job_id = _id)
                      or exists (select from pgjobs.item_bodies b where b.job_id = _id)
                      or exists (select from pgjobs.refused_records r where r.job_id = _id)
    when 'events' then exists (select from pgjobs.events e where e.job_id = _id)
    when 'outcomes' then exists (select from pgjobs.outcomes o where o.job_id = _id)
    when 'logs' then exists (select from pgjobs.log_segments s where s.job_id = _id and s.remove_asked_at is null)
    else _what = 'jobs'
  end) then
    return 0;
  end if;
  -- While this lock is held nobody resumes the job.
  select j.status::text into _status from public.xmp_jobs j
  where j.id = _id and j.finish_at = _finish_at and j.status::text in ('done', 'canceled', 'error')
  for share skip locked;
  if not found then
    return case when not exists (select from public.xmp_jobs j where j.id = _id and j.finish_at = _finish_at) then 0 end;
  end if;
  if exists (select from pgjobs.shards p where p.job_id = _id and p.owner is not null and p.lease_until > clock_timestamp()) then
    return null;
  end if;
  -- Nobody can resume it, and none of its items is open.
  _final := _status = 'done' or exists (select from pgjobs.cancellations c where c.job_id = _id and c.closed_at is not null);

  case _what
  when 'checkpoints' then
    -- The last one of each shard holds the hash with which a resumed job goes on.
    with gone as (
      delete from pgjobs.checkpoints c
      where c.ctid = any (array(
        select k.ctid from pgjobs.checkpoints k
        where k.job_id = _id and (_final or k.number < (
          select max(m.number) from pgjobs.checkpoints m where m.job_id = k.job_id and m.shard = k.shard))
        order by k.shard, k.number
        limit _most))
      returning c.shard, c.number
    ), noted as (
      update pgjobs.shards p
      set checkpoints_cleared = g.number
      from (select shard, max(number) as number from gone group by shard) g
      where p.job_id = _id and p.shard = g.shard
    )
    select count(*) into _gone from gone;
  when 'lines' then
    if not _final then
      perform pgjobs.note_cleared(_id, 'lines');
    end if;
    delete from pgjobs.injection_lines l
    where l.ctid = any (array(select x.ctid from pgjobs.injection_lines x where x.job_id = _id limit _most));
    get diagnostics _gone = row_count;
  when 'uncertain_ranges' then
    delete from pgjobs.uncertain_ranges u
    where u.ctid = any (array(select x.ctid from pgjobs.uncertain_ranges x where x.job_id = _id and _final limit _most));
    get diagnostics _gone = row_count;
  when 'items' then
    if _final or _status = 'error' then
      perform pgjobs.note_cleared(_id, 'items');
      with gone as (
        delete from pgjobs.items i
        -- One that is locked is just being answered, and goes with the next batch.
        where i.ctid = any (array(select x.ctid from pgjobs.items x where x.job_id = _id limit _most for update skip locked))
        returning i.status
      ), counted as (
        -- What was open never gets an outcome.
        insert into pgjobs.item_counts as k (job_id, slot, status, n)
        select _id, pg_backend_pid() % 8, s.status, sum(s.n)
        from (select 'c'::"char" as status, 1 as n from gone g where g.status in ('w', 'l', 'r')
              union all select g.status, -1 from gone g where g.status in ('w', 'l', 'r')) s
        group by s.status
        order by s.status
        on conflict (job_id, slot, status) do update set n = k.n + excluded.n
      )
      select count(*) into _gone from gone;
      if _gone < _most then
        -- One that broke off can't go on: none of its items is open now.
        perform pgjobs.settle_totals(_id);
        delete from pgjobs.item_offers o where o.job_id = _id;
        delete from pgjobs.item_retries r where r.job_id = _id;
        delete from pgjobs.item_launches l where l.job_id = _id;
        -- Behind the items: what has no body any more must not be sent by a job that takes its records from here.
        delete from pgjobs.item_bodies b
        where b.ctid = any (array(select x.ctid from pgjobs.item_bodies x where x.job_id = _id limit _most - _gone));
        get diagnostics _bodies = row_count;
        _gone := _gone + _bodies;
      end if;
      if _gone = 0 then
        delete from pgjobs.refused_records r
        where r.ctid = any (array(select x.ctid from pgjobs.refused_records x where x.job_id = _id limit _most));
        get diagnostics _gone = row_count;
      end if;
    end if;
  when 'events' then
    delete from pgjobs.events e
    where e.id = any (array(select x.id from pgjobs.events x where x.job_id = _id and _final limit _most));
    get diagnostics _gone = row_count;
  when 'outcomes' then
    if _final then
      perform pgjobs.note_cleared(_id, 'outcomes');
    end if;
    delete from pgjobs.outcomes o
    where o.ctid = any (array(select x.ctid from pgjobs.outcomes x where x.job_id = _id and _final limit _most));
    get diagnostics _gone = row_count;
  when 'logs' then
    perform pgjobs.note_cleared(_id, 'logs');
    update pgjobs.log_segments s set remove_asked_at = clock_timestamp() where s.job_id = _id and s.remove_asked_at is null;
    get diagnostics _gone = row_count;
  when 'jobs' then
    if exists (
      select from pgjobs.log_segments s
      where s.job_id = _id and s.removed_at is null
        and case when s.remove_asked_at is null then exists (select from pgjobs.retention r where r.what = 'logs' and r.keep is not null)
                 -- A host that is gone for good is waited for a week.
                 else s.remove_asked_at > clock_timestamp() - interval '7 days' end) then
      return null;
    end if;
    delete from public.xmp_jobs j where j.id = _id;
    get diagnostics _gone = row_count;
  end case;
  return _gone;
end;
$$;
comment on function pgjobs.clear_of_job(text, bigint, timestamptz, bigint) is
  'Clears what a rule of pgjobs.retention names of one job that ended at this moment, so many rows at most. Returns how many went; null: not now, for its row is being written, a daemon still holds it, or its log files are still there.';
