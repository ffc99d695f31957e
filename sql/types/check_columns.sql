-- Reads: pg_attribute   Writes: nothing
create or replace function pgjobs.check_columns(_type public.xmp_job_types)
returns void
language plpgsql
stable
set search_path = pg_catalog, pg_temp
as $$
declare
  _table constant text := 'public.xmp_job_types';
  _name text;
  _list text[];
begin
  select a.attname into _name
  from pg_attribute a
  -- Of jsonb its own check says that it has to be an object.
  where a.attrelid = to_regclass(_table) and a.attnotnull and a.attnum > 0 and a.atttypid <> 'jsonb'::regtype and to_jsonb(_type) -> a.attname::text = 'null'
  order by a.attnum
  limit 1;
  if found then
    perform pgjobs.refuse('PJ400', 'bad_' || _name, _name, format('%s: it is null', _name), 'give it a value, or leave it out of the insert', _table);
  end if;
  for _name, _list in values ('params', _type.params), ('ignores', _type.ignores), ('results', _type.results), ('retry_results', _type.retry_results) loop
    if array_ndims(_list) > 1 then
      perform pgjobs.refuse('PJ400', 'bad_' || _name, _name, format('%s: it has %s dimensions', _name, array_ndims(_list)),
        'write a plain list, such as {first,second}', _table);
    elsif array_position(_list, null) is not null then
      perform pgjobs.refuse('PJ400', 'bad_' || _name, _name, format('%s: one of its elements is null', _name), 'leave the element out', _table);
    end if;
  end loop;
  if octet_length(convert_to(_type.queue, 'UTF8')) not between 1 and 255 or _type.queue ~ '[[:cntrl:]]' then
    perform pgjobs.refuse('PJ400', 'bad_queue', 'queue', format('queue: %L is not the name of a queue', left(_type.queue, 100)),
      'name the queue that the messages of this type come to, with 255 bytes at most, or null', _table);
  end if;
end;
$$;
comment on function pgjobs.check_columns(public.xmp_job_types) is
  'Refuses a type with null in a column that needs a value, or with an element of null or several dimensions in a list, naming the column.';
