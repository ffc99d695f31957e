-- Reads: xmp_job_types, item_totals   Writes: nothing
create or replace function pgjobs.reply_queues()
returns setof text
language sql
stable
security definer
set search_path = pg_catalog, pg_temp
as $$
  select distinct t.reply_queue from public.xmp_job_types t
  where t.tracked and t.reply_queue <> '' and (t.name <> 'mailing' or exists (select from pgjobs.item_totals x where x.type = t.name))
  order by 1;
$$;
comment on function pgjobs.reply_queues() is 'The queues on which consumers answer: the daemons take the answers from there. The type that the door of mailings has by itself counts once there is a mailing.';
