-- Reads: nothing   Writes: nothing
create or replace function pgjobs.next_statuses(_status text)
returns text[]
language sql
immutable
as $$
  select case _status
    when 'ready'       then '{in progress,canceled,error}'
    when 'in progress' then '{done,canceled,error,ready}'
    when 'canceled'    then '{ready}'
    when 'error'       then '{ready}'
    when 'done'        then '{}'
  end::text[];
$$;
comment on function pgjobs.next_statuses(text) is
  'The states a job may go to from this one; null for an unknown state. The state machine, in one place.';
