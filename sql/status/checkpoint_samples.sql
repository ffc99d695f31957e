-- Reads: shards, checkpoints   Writes: nothing
create or replace function pgjobs.checkpoint_samples(_job_id bigint, _most integer)
returns table (shard integer, number bigint, epoch bigint, at timestamptz, records bigint, sent bigint, confirm_ms integer, backlog bigint)
language sql
stable
set search_path = pg_catalog, pg_temp
as $$
  with held as (
    select p.shard, p.checkpoints as last, p.checkpoints_cleared as cleared, p.considered, p.sent,
      greatest(1, ceil(sum(p.checkpoints - p.checkpoints_cleared) over () / _most))::bigint as stride
    from pgjobs.shards p
    where p.job_id = _job_id and p.checkpoints > p.checkpoints_cleared
  ), taken as (
    select h.shard, h.considered, h.sent, h.stride = 1 or h.cleared > 0 as exact, c.number, c.epoch, c.at, c.confirm_ms, c.backlog,
      -- Each stands for those before it that are not looked at.
      c.records * least(h.stride, c.number - h.cleared) as its_records, c.sent * least(h.stride, c.number - h.cleared) as its_sent
    from held h
    cross join lateral generate_series(h.last, h.cleared + 1, -h.stride) g (number)
    -- One probe of the index for each, whatever the statistics say.
    cross join lateral (
      select k.number, k.epoch, k.at, k.sent + k.skipped + k.returned as records, k.sent, k.confirm_ms, k.backlog
      from pgjobs.checkpoints k
      where k.job_id = _job_id and k.shard = h.shard and k.number = g.number
      offset 0) c
  ), added as (
    select t.*,
      sum(t.its_records) over so_far as records_so_far, sum(t.its_records) over whole as records_in_all,
      sum(t.its_sent) over so_far as sent_so_far, sum(t.its_sent) over whole as sent_in_all
    from taken t
    window so_far as (partition by t.shard order by t.number), whole as (partition by t.shard)
  )
  select a.shard, a.number, a.epoch, a.at,
    case when a.exact then a.its_records
         else round(a.considered * a.records_so_far / a.records_in_all)
              - round(a.considered * (a.records_so_far - a.its_records) / a.records_in_all) end::bigint,
    case when a.exact then a.its_sent
         when a.sent_in_all > 0 then
           round(a.sent * a.sent_so_far / a.sent_in_all) - round(a.sent * (a.sent_so_far - a.its_sent) / a.sent_in_all)
         else round(a.sent * a.records_so_far / a.records_in_all)
              - round(a.sent * (a.records_so_far - a.its_records) / a.records_in_all) end::bigint,
    a.confirm_ms, a.backlog
  from added a;
$$;
comment on function pgjobs.checkpoint_samples(bigint, integer) is
  'Checkpoints of a job, at most so many and one more for each shard: all of them, or every nth by number, the last one of each shard among them. Then each stands for the n before it, and records and sent are shared out so that those of a shard add up to its counters.';
