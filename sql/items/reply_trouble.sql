-- Reads: xmp_jobs, xmp_job_types, daemons   Writes: nothing
create or replace function pgjobs.reply_trouble(_job_id bigint)
returns text
language sql
stable
set search_path = pg_catalog, pg_temp
as $$
  select format('no answers are taken from its reply queue %s (%s): declare it, or mend reply_queue of its type', t.reply_queue, w.replies ->> t.reply_queue)
  from public.xmp_jobs j
  join public.xmp_job_types t on t.name = j.type::text
  join pgjobs.daemons w on w.replies ? t.reply_queue
  where j.id = _job_id and t.tracked and w.seen_at > clock_timestamp() - interval '15 seconds'
  order by w.seen_at desc
  limit 1;
$$;
comment on function pgjobs.reply_trouble(bigint) is
  'Why the answers to a tracked job are not taken in, as a living daemon says, and what to do; null where nothing is known to keep them away.';
