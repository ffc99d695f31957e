-- What is known of a job that does not move, in one text.
select jsonb_build_object(
  'status', j.status, 'why', pgjobs.why(j.id), 'shards', s.shards, 'events', e.events, 'daemons', w.daemons)::text
from public.xmp_jobs j
cross join lateral (select jsonb_agg(to_jsonb(p) order by p.shard) as shards from pgjobs.shards p where p.job_id = j.id) s
cross join lateral (select jsonb_agg(to_jsonb(v) order by v.id) as events from pgjobs.events v where v.job_id = j.id) e
cross join (select jsonb_agg(to_jsonb(d) - 'metrics') as daemons from pgjobs.daemons d) w
where j.id = %(id)s
