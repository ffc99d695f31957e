-- Reads: nothing   Writes: idempotency_keys
create or replace function pgjobs.guard_key()
returns trigger
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  _holder bigint;
begin
  if tg_op = 'UPDATE' then
    perform pgjobs.refuse('PJ409', 'fixed', 'idempotency_key',
      format('idempotency_key: job %s keeps the key that it was inserted with, or none', new.id), 'insert a new job');
  end if;
  if length(new.idempotency_key) > 200 or new.idempotency_key !~ '[^[:space:]]' then
    perform pgjobs.refuse('PJ400', 'bad_idempotency_key', 'idempotency_key',
      case when length(new.idempotency_key) > 200 then format('idempotency_key: it has %s characters', length(new.idempotency_key))
           else 'idempotency_key: it is empty' end,
      'give 1 to 200 characters, or leave it out');
  end if;
  loop
    -- This waits while another transaction inserts the same key, and afterwards finds it, unless that one was rolled back.
    insert into pgjobs.idempotency_keys (key, job_id) values (new.idempotency_key, new.id) on conflict do nothing;
    exit when found;
    select k.job_id into _holder from pgjobs.idempotency_keys k where k.key = new.idempotency_key;
    if found then
      perform pgjobs.refuse('PJ409', 'duplicate_key', 'idempotency_key',
        format('idempotency_key: job %s was inserted with this key already', _holder),
        'look at that job; a job that is meant to run once more needs a key of its own');
    end if;
  end loop;
  return null;
end;
$$;
comment on function pgjobs.guard_key() is
  'Trigger: refuses (PJ409 duplicate_key) the idempotency key of another job, also where both are being inserted at this moment, and a change of a key.';
