-- Reads: xmp_jobs   Writes: nothing
create or replace function pgjobs.job_remark(_id bigint)
returns text
language sql
stable
security definer
set search_path = pg_catalog, pg_temp
as $$
  select format('%s: %s no effect on a dry run, which publishes nothing', string_agg(c.name, ', ' order by c.place),
    case when count(*) = 1 then 'it has' else 'they have' end)
  from public.xmp_jobs j
  cross join lateral (values
    (1, 'rate', j.rate is not null),
    (2, 'max_backlog', j.max_backlog is not null),
    (3, 'stop_at', j.stop_at is not null),
    -- Whether it is too late to begin is asked of a dry run as well.
    (4, 'schedule', j.schedule - 'misfire' <> '{}'),
    (5, 'budget', j.budget <> '{}')) c (place, name, given)
  where j.id = _id and lower(btrim(j.params ->> 'dry_run')) in ('1', 'true') and c.given
  having count(*) > 0;
$$;
comment on function pgjobs.job_remark(bigint) is
  'What a job says in vain, as a sentence: the columns that limit it, where it is a dry run, which nothing limits. Null: nothing.';
