-- Reads: callback_state   Writes: nothing
create or replace function pgjobs.check_callback(_url text, _field text)
returns void
language plpgsql
stable
set search_path = pg_catalog, pg_temp
as $$
declare
  _fault text;
begin
  -- The sentence shows nothing of the address: it may hold a password.
  if length(_url) > 2000 or _url ~ '[[:space:][:cntrl:]]'
     or _url !~* '^https?://([^/?#@\\]*@)?([^/?#@:\\\[\]]+|\[[0-9a-f:.]+\])(:[0-9]{1,5})?([/?#]|$)'
     or substring(_url from '^[^/]*//(?:[^/?#@]*@)?[^/?#@]*:([0-9]{1,5})(?:[/?#]|$)')::integer not between 1 and 65535 then
    perform pgjobs.refuse('PJ400', 'bad_' || _field, _field,
      _field || ': it is no http:// or https:// address of up to 2000 characters without blanks',
      'write it as https://host/path or https://host:port/path, the port from 1 to 65535, in a password @ as %40, / as %2F and : as %3A, or leave it out');
  end if;
  select pgjobs.callback_fault(substring(_url from '^[^/]*//(?:[^/?#@\\]*@)?(\[[^\]]*\]|[^/?#@:\\]+)'), null, s.hosts) into _fault
  from pgjobs.callback_state s where s.hosts is not null and _url is not null;
  if _fault is not null then
    perform pgjobs.refuse('PJ400', 'bad_' || _field, _field, _field || ': ' || _fault,
      'name another host, or let the operator add this one to PGJOBS_CALLBACK_HOSTS of the daemons');
  end if;
end;
$$;
comment on function pgjobs.check_callback(text, text) is
  'Refuses (PJ400) an address that nobody could be called at, or whose host the daemons do not allow (callback_fault), as far as they have said so; null is none. _field: what the caller calls it.';
