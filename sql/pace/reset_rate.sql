-- Reads: nothing   Writes: paces
create or replace function pgjobs.reset_rate()
returns trigger
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  if new.rate is null or new.status::text in ('done', 'canceled', 'error') then
    delete from pgjobs.paces where what = 'job ' || new.id;
  else
    -- What it has kept stays as it is: edits that follow each other give nothing away.
    update pgjobs.paces set next_at = pgjobs.now() where what = 'job ' || new.id and next_at > pgjobs.now();
  end if;
  return null;
end;
$$;
comment on function pgjobs.reset_rate() is 'Trigger: a job whose rate is another one has given nothing of it away; one that has ended, or has none, needs no account of it.';
