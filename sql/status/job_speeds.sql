-- Reads: xmp_jobs, xmp_job_types, events, shards, checkpoints, holds, switch_holds, uncertain_ranges   Writes: nothing
create or replace function pgjobs.job_speeds(_job_id bigint)
returns table (moving numeric, average numeric, lately numeric)
language plpgsql
stable
set search_path = pg_catalog, pg_temp
as $$
declare
  _looked constant numeric := 10;
  _begins timestamptz;
  _ends timestamptz;
  _sent numeric;
  _since timestamptz;
  _left numeric := _looked;
  _band record;
begin
  select min(p.started_at), sum(p.sent) into _begins, _sent from pgjobs.shards p where p.job_id = _job_id;
  _ends := coalesce((select pgjobs.utc(j.finish_at) from public.xmp_jobs j where j.id = _job_id), pgjobs.now());
  if _begins is null then
    return;
  end if;
  moving := greatest(0, pgjobs.seconds_between(_begins, _ends));
  _since := _ends;
  for _band in select b.begins, least(b.ends, _ends) as ends from pgjobs.job_bands(_job_id) b where b.begins < _ends order by b.begins desc
  loop
    moving := moving - pgjobs.seconds_between(_band.begins, _band.ends);
    if _left > 0 then
      if pgjobs.seconds_between(_band.ends, _since) >= _left then
        _since := _since - make_interval(secs => _left::double precision);
        _left := 0;
      else
        _left := _left - pgjobs.seconds_between(_band.ends, _since);
        _since := _band.begins;
      end if;
    end if;
  end loop;
  _since := greatest(_begins, _since - make_interval(secs => _left::double precision));
  average := trim_scale(round(_sent / greatest(moving, 0.001), 3));
  select least(round(coalesce(sum(k.n), 0) / greatest(1, least(_looked, moving)), 1), c.rate, c.type_rate) into lately
  from pgjobs.pace_of(_job_id) c
  left join pgjobs.shards p on p.job_id = _job_id and p.updated_at > _since
  left join lateral (
    select sum(c.sent) as n from pgjobs.checkpoints c
    where c.job_id = p.job_id and c.shard = p.shard and c.number > p.checkpoints - 200 and c.at > _since) k on true
  group by c.rate, c.type_rate;
  return next;
end;
$$;
comment on function pgjobs.job_speeds(bigint) is
  'How fast a job sends: moving, the seconds in which it could move (from its start to its end, or now, without what job_bands() tells); average, what it has sent by second of these; lately, the same of the last ten of these, and never more than its rate and its type''s. Nothing of a job that has not begun.';
