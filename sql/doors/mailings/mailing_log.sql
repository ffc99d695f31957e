-- Reads: xmp_jobs, events, items, item_counts, entities   Writes: nothing
create or replace function pgjobs.mailing_log(_id bigint, _after bigint default null, _limit bigint default null, _deleted boolean default false)
returns text
language plpgsql
stable
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  _most constant integer := coalesce(_limit, 100);
  _job public.xmp_jobs;
  _events json;
  _messages json;
  _next bigint;
begin
  perform pgjobs.need_limit(_limit);
  select * into _job from public.xmp_jobs j where j.id = _id and j.type::text = 'mailing' and (j.deleted_at is null or _deleted);
  if not found then
    perform pgjobs.refuse('PJ404', 'unknown_mailing', '', format('there is no mailing %s', _id), 'its id is in the answer to the POST that has made it', '');
  end if;
  select coalesce(json_agg(json_build_object('at', pgjobs.instant_text(e.at), 'status', e.to_status, 'by', coalesce(e.actor, e.role), 'reason', e.reason) order by e.id), '[]')
  into _events
  from (select * from pgjobs.events v where v.job_id = _id order by v.id desc limit 100) e;
  select coalesce(json_agg(pgjobs.message_json(i) order by i.key), '[]'), case when count(*) = _most then max(i.key) end into _messages, _next
  from (
    select * from pgjobs.items t where t.job_id = _id and t.key > coalesce(_after, -1)
    order by t.key
    limit _most) i;
  return json_build_object(
    'mailing', pgjobs.mailing_json(_job), 'state', pgjobs.job_state(_job), 'why', pgjobs.why(_id), 'ended_at', pgjobs.instant_text(pgjobs.utc(_job.finish_at)),
    'deleted_at', pgjobs.instant_text(_job.deleted_at), 'message_data', pgjobs.message_data(_id), 'sent_late', pgjobs.sent_late(_id),
    'unknown_timezones', case when _job.schedule ? 'local_time' then pgjobs.unknown_timezones(_id) end,
    'log_files', (select coalesce(json_agg(l.path order by l.shard, l.segment), '[]') from pgjobs.log_segments l where l.job_id = _id and l.removed_at is null),
    'events', _events, 'messages', _messages, 'next', _next);
end;
$$;
comment on function pgjobs.mailing_log(bigint, bigint, bigint, boolean) is
  'All that is known of a mailing as JSON: its state and why it does not move, its log files, how many messages were sent late, its last 100 events, and its messages by the ids of their clients, behind one of them; 100 where no limit is given. next: what to give as _after for the next page. _deleted: also where it was deleted. Refuses (PJ404, PJ400).';
