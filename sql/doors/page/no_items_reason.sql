-- Reads: xmp_jobs, xmp_job_types, shards, item_counts   Writes: nothing
create or replace function pgjobs.no_items_reason(_id bigint)
returns text
language sql
stable
set search_path = pg_catalog, pg_temp
as $$
  select case
    when exists (select from pgjobs.shards p where p.job_id = j.id and 'items' = any (p.cleared))
      then 'Its items were cleared after their keep time. The counters and the outcomes stay.'
    when not coalesce(t.tracked, false)
      then format('Jobs of type %s keep no items: nobody answers to what they send. The log has a line for each record, and the outcomes say how many were sent or skipped, and why.', j.type)
    when lower(j.params ->> 'dry_run') in ('1', 'true')
      then 'This is a dry run: it keeps no items. The log has a line for each record.'
    when exists (select from pgjobs.shards p where p.job_id = j.id and p.attempt is not null)
      then 'Its selection has no records, so there are no items.'
    else 'Its items are written when it begins, and that has not happened yet.' end
  from public.xmp_jobs j
  left join public.xmp_job_types t on t.name = j.type::text
  where j.id = _id;
$$;
comment on function pgjobs.no_items_reason(bigint) is 'Why a job has no items, as a sentence for people.';
