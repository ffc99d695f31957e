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
  -- The sentence shows nothing of the address: it may hold a password.
  if length(new.callback_url) > 2000 or new.callback_url ~ '[[:space:][:cntrl:]]'
     or new.callback_url !~* '^https?://([^/?#@\\]*@)?([^/?#@:\\\[\]]+|\[[0-9a-f:.]+\])(:[0-9]{1,5})?([/?#]|$)'
     or substring(new.callback_url from '^[^/]*//(?:[^/?#@]*@)?[^/?#@]*:([0-9]{1,5})(?:[/?#]|$)')::integer not between 1 and 65535 then
    perform pgjobs.refuse('PJ400', 'bad_callback_url', 'callback_url',
      'callback_url: it is no http:// or https:// address of up to 2000 characters without blanks',
      'write it as https://host/path or https://host:port/path, the port from 1 to 65535, in a password @ as %40, / as %2F and : as %3A, or leave it out');
  end if;
  return new;
end;
$$;
comment on function pgjobs.guard_callback() is 'Trigger: refuses a callback_url that nobody could be called at; an empty one is none.';
