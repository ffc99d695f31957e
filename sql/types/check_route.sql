-- Reads: nothing   Writes: nothing
create or replace function pgjobs.check_route(_exchange text, _routing_key text, _tracked boolean default false)
returns void
language plpgsql
stable
set search_path = pg_catalog, pg_temp
as $$
declare
  _name text;
  _value text;
begin
  for _name, _value in values ('exchange', _exchange), ('routing_key', _routing_key) loop
    if octet_length(convert_to(_value, 'UTF8')) > 255 then
      perform pgjobs.refuse('PJ400', 'bad_route', _name, format('%s: it has %s bytes, and AMQP allows 255',
        _name, octet_length(convert_to(_value, 'UTF8'))), 'give a shorter name in xmp_job_types', 'public.xmp_job_types');
    elsif _value ~ '[[:cntrl:]]' then
      perform pgjobs.refuse('PJ400', 'bad_route', _name, format('%s: %L has control characters', _name, left(_value, 100)),
        'write it as the broker shows it, without line ends and tabs', 'public.xmp_job_types');
    end if;
  end loop;
  -- Items without a route are taken by SQL.
  if _tracked and _exchange = '' and _routing_key is null then
    return;
  end if;
  if _routing_key is null or _exchange = '' and _routing_key = '' then
    perform pgjobs.refuse('PJ400', 'bad_route', 'routing_key',
      format('routing_key: %s, so no queue would get the messages',
        case when _exchange = '' then 'it is empty and the exchange is the default one' else 'it is null' end),
      'set routing_key of the type to the name of the queue, or to what its exchange routes by', 'public.xmp_job_types');
  end if;
end;
$$;
comment on function pgjobs.check_route(text, text, boolean) is
  'Refuses an exchange and a routing key that no message could be published with, naming the column.';
