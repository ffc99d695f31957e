-- Reads: xmp_job_types   Writes: nothing
create or replace function pgjobs.check_reply_queue(_type public.xmp_job_types, _former text)
returns void
language plpgsql
stable
set search_path = pg_catalog, pg_temp
as $$
declare
  _table constant text := 'public.xmp_job_types';
  _answered text;
  _works text;
  _queue text;
begin
  if octet_length(convert_to(_type.reply_queue, 'UTF8')) not between 1 and 255 or _type.reply_queue ~ '[[:cntrl:]]' then
    perform pgjobs.refuse('PJ400', 'bad_reply_queue', 'reply_queue', format('reply_queue: %L is not the name of a queue', left(_type.reply_queue, 100)),
      'name the queue on which the consumers answer, with 255 bytes at most, or null', _table);
  end if;
  if _type.reply_queue ~ '^amq[.]' then
    perform pgjobs.refuse('PJ400', 'bad_reply_queue', 'reply_queue', format('reply_queue: %L is a name that the broker keeps for itself', left(_type.reply_queue, 100)),
      'declare a durable queue with a name of your own, and give that', _table);
  end if;
  -- A queue has either work or answers: the daemons take whatever lies in a reply queue.
  select a.name, w.name, a.reply_queue into _answered, _works, _queue
  from (select _type.name::text as name, _type.tracked as tracked, _type.reply_queue as reply_queue
        union all select t.name::text, t.tracked, t.reply_queue from public.xmp_job_types t where t.name::text not in (_type.name::text, _former)) a
  join (select _type.name::text as name, case when _type.exchange = '' then _type.routing_key else _type.queue end as queue
        union all
        select t.name::text, case when t.exchange = '' then t.routing_key else t.queue end
        from public.xmp_job_types t where t.name::text not in (_type.name::text, _former)) w
    on a.tracked and w.queue = a.reply_queue
  where _type.name::text in (a.name, w.name)
  order by a.name = _type.name::text desc, w.name
  limit 1;
  if _answered = _type.name::text then
    perform pgjobs.refuse('PJ400', 'bad_reply_queue', 'reply_queue',
      format('reply_queue: to %L go the messages of type %s, and the daemons would take them for answers', _queue, _works),
      'name a queue that has answers alone', _table);
  elsif found then
    perform pgjobs.refuse('PJ400', 'bad_route', case when _type.exchange = '' then 'routing_key' else 'queue' end,
      format('%s: %L is the reply_queue of type %s, and the daemons would take the messages for answers',
        case when _type.exchange = '' then 'routing_key' else 'queue' end, _queue, _answered),
      'name a queue that has work alone', _table);
  end if;
end;
$$;
comment on function pgjobs.check_reply_queue(public.xmp_job_types, text) is
  'Refuses a reply queue that no daemon could take answers from, and one to which messages of a type go, its own or another''s; also a route to the reply queue of another type. _former is the name that the type has had.';
