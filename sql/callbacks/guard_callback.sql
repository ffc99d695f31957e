-- Reads: callback_state   Writes: the row that is being written
create or replace function pgjobs.guard_callback()
returns trigger
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  new.callback_url := nullif(btrim(new.callback_url, ' '), '');
  -- Whom the daemons allow may have changed: what stays as it is can be written again.
  if tg_op = 'INSERT' or new.callback_url is distinct from old.callback_url then
    perform pgjobs.check_callback(new.callback_url, 'callback_url');
  end if;
  return new;
end;
$$;
comment on function pgjobs.guard_callback() is 'Trigger: refuses a callback_url that nobody could be called at; an empty one is none.';
