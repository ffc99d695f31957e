-- Reads: xmp_job_types, item_totals   Writes: nothing
create or replace function pgjobs.known_queues()
returns table (queue text, types text[], replies boolean, max_backlog bigint)
language sql
stable
set search_path = pg_catalog, pg_temp
as $$
  select q.queue, array_agg(q.type order by q.type), bool_or(q.replies), min(q.max_backlog)
  from (
    select case when t.exchange = '' then t.routing_key else t.queue end as queue, t.name::text as type, false as replies, t.max_backlog
    from public.xmp_job_types t
    where t.selector is not null
    union all
    select t.reply_queue, t.name::text, true, null from public.xmp_job_types t where t.tracked and t.selector is not null) q
  where q.queue <> '' and octet_length(q.queue) <= 255
    and (q.type <> 'mailing' or exists (select from pgjobs.item_totals x where x.type = q.type))
  group by q.queue
  order by q.queue
  limit 200;
$$;
comment on function pgjobs.known_queues() is
  'The queues that the registered types publish to, as far as the types name them, and those on which answers come (replies); 200 at most. The type that the door of mailings has by itself counts once there is a mailing.';
