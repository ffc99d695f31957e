-- Reads: xmp_jobs, items   Writes: nothing
create or replace function pgjobs.message_log(_message text, _deleted boolean default false)
returns text
language plpgsql
stable
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  _job_id bigint;
  _keys bigint[];
  _answer json;
begin
  if _message ~ '^[0-9]{1,18}$' then
    -- As a gateway has it that knows whole numbers alone.
    _job_id := _message::bigint >> 32;
    _keys := pgjobs.message_keys(_job_id, _message::bigint & 4294967295);
  else
    select m.job_id, array[m.key] into _job_id, _keys from pgjobs.item_of(_message) m;
  end if;
  select pgjobs.message_json(i) into _answer
  from pgjobs.items i
  join public.xmp_jobs j on j.id = i.job_id and j.type::text = 'mailing' and (j.deleted_at is null or _deleted)
  where i.job_id = _job_id and i.key = any (_keys);
  if not found then
    perform pgjobs.refuse('PJ404', 'unknown_message', '', format('there is no message %s', left(_message, 60)),
      'its id is the one in the message to the consumer: mailing and client, as in 12-7', '');
  end if;
  return _answer;
end;
$$;
comment on function pgjobs.message_log(text, boolean) is
  'What is known of a message as JSON, by its id: mailing and client (12-7), an attempt behind it is passed over, or as the one number that a gateway may get. _deleted: also where its mailing was deleted. Refuses (PJ404) where there is none.';
