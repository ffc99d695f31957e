-- Reads: nothing   Writes: nothing
create or replace function pgjobs.check_callback(_url text, _field text)
returns void
language plpgsql
stable
set search_path = pg_catalog, pg_temp
as $$
begin
  -- The sentence shows nothing of the address: it may hold a password.
  if length(_url) > 2000 or _url ~ '[[:space:][:cntrl:]]'
     or _url !~* '^https?://([^/?#@\\]*@)?([^/?#@:\\\[\]]+|\[[0-9a-f:.]+\])(:[0-9]{1,5})?([/?#]|$)'
     or substring(_url from '^[^/]*//(?:[^/?#@]*@)?[^/?#@]*:([0-9]{1,5})(?:[/?#]|$)')::integer not between 1 and 65535 then
    perform pgjobs.refuse('PJ400', 'bad_' || _field, _field,
      _field || ': it is no http:// or https:// address of up to 2000 characters without blanks',
      'write it as https://host/path or https://host:port/path, the port from 1 to 65535, in a password @ as %40, / as %2F and : as %3A, or leave it out');
  end if;
end;
$$;
comment on function pgjobs.check_callback(text, text) is
  'Refuses (PJ400) an address that nobody could be called at; null is none. _field: what the caller calls it.';
