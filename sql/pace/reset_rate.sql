-- Reads: nothing   Writes: paces
create or replace function pgjobs.reset_rate()
returns trigger
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  delete from pgjobs.paces where what = 'job ' || new.id;
  return null;
end;
$$;
comment on function pgjobs.reset_rate() is 'Trigger: a job whose rate is another one, or that has ended, has given nothing of it away.';
