-- Reads: nothing   Writes: nothing
create or replace function pgjobs.next_statuses(_status text)
returns text[]
language sql
immutable
as $$
  -- Each array has its type, so that the whole is inlined.
  select case _status
    when 'ready'       then '{in progress,canceled,error}'::text[]
    when 'in progress' then '{done,canceled,error,ready}'::text[]
    when 'canceled'    then '{ready}'::text[]
    when 'error'       then '{ready}'::text[]
    when 'done'        then '{}'::text[]
  end;
$$;
comment on function pgjobs.next_statuses(text) is
  'The states a job may go to from this one; null for an unknown state. The state machine, in one place; besides, cancel_job() takes a job from error to canceled, for good.';
