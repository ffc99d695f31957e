-- How far a job is, in one row.
select j.status::text, coalesce(p.considered, 0), coalesce(p.sent, 0), p.at, j.finish_at, coalesce(p.held, false), coalesce(p.words, '')
from public.xmp_jobs j
left join lateral (
  select sum(s.considered)::bigint as considered, sum(s.sent)::bigint as sent, max(s.updated_at) as at,
         bool_or(s.owner is not null) as held, string_agg(coalesce(s.error, s.note), '; ') as words
  from pgjobs.shards s
  where s.job_id = j.id
) p on true
where j.id = %(id)s
