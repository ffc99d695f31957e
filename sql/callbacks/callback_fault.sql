-- Reads: nothing   Writes: nothing
create or replace function pgjobs.callback_fault(_host text, _addresses text[], _allowed text[])
returns text
language plpgsql
immutable
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  _name constant text := rtrim(lower(btrim(_host, '[]')), '.');
  _number constant text := '^([0-9.]+|[0-9a-f]*:[0-9a-f:.]*)(/[0-9]{1,3})?$';
  _networks constant inet[] := array(select a::inet from unnest(_allowed) a where a ~ _number);
  -- This machine, its link with the metadata of clouds, and what is no single machine. Addresses of private networks are not among them.
  _special constant inet[] := '{0.0.0.0/8,127.0.0.0/8,169.254.0.0/16,100.100.100.200,192.0.0.192,224.0.0.0/3,
                                ::/127,fe80::/10,fd00:ec2::254,ff00::/8}';
  _literal inet;
  _address inet;
begin
  if _name ~ _number then
    begin
      _literal := _name::inet;
    exception when invalid_text_representation then
      null; -- 2130706433 and 0x7f.1 are names, until they have been looked up.
    end;
  end if;
  if not (case
    when _literal is not null then '*' = any (_allowed) or _literal <<= any (_networks)
    else exists (
      select from unnest(_allowed) a
      where a in ('*', _name) or a like '*.%' and right(_name, length(a) - 1) = substr(a, 2) and length(_name) >= length(a))
    end) then
    return 'its host is none that may be called';
  end if;
  foreach _address in array coalesce(_addresses::inet[], case when _literal is null then '{}' else array[_literal] end) loop
    -- An address of IPv4 in one of IPv6 leads to the same machine.
    if _address <<= any ('{::ffff:0:0/96,64:ff9b::/96}'::inet[]) then
      _address := '0.0.0.0'::inet + (_address - case when _address <<= '::ffff:0:0/96' then '::ffff:0:0'::inet else '64:ff9b::' end);
    end if;
    if _address <<= any (_special) and not _address <<= any (_networks) then
      return format('it leads to %s, an address of this machine, of its link or of many machines', host(_address));
    end if;
  end loop;
  return null;
end;
$$;
comment on function pgjobs.callback_fault(text, text[], text[]) is
  'Why a host may not be called that a job names, where these are allowed: names, *.example.com, addresses and networks, * for any; null: it may be. _addresses: those that its name leads to; null: it was not looked up. One of this machine, of its link (as 169.254.169.254) or of many machines has to be allowed as an address or network, whatever its name.';
