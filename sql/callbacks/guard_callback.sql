-- Reads: nothing   Writes: the row that is being written
create or replace function pgjobs.guard_callback()
returns trigger
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  new.callback_url := nullif(btrim(new.callback_url, ' '), '');
  perform pgjobs.check_callback(new.callback_url, 'callback_url');
  return new;
end;
$$;
comment on function pgjobs.guard_callback() is 'Trigger: refuses a callback_url that nobody could be called at; an empty one is none.';
