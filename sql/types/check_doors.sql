-- Reads: nothing   Writes: nothing
create or replace function pgjobs.check_doors(_type public.xmp_job_types)
returns void
language plpgsql
stable
set search_path = pg_catalog, pg_temp
as $$
declare
  _known constant text[] := '{operations,partner,mailings}';
  _table constant text := 'public.xmp_job_types';
  _odd text;
  _value jsonb;
begin
  select d into _odd from unnest(_type.doors) d where d is null or d <> all (_known) limit 1;
  if found or _type.doors is null or array_ndims(_type.doors) > 1 then
    perform pgjobs.refuse('PJ400', 'bad_doors', 'doors', format('doors: %s is no list of doors', coalesce(quote_literal(left(_odd, 100)), 'it')),
      'name some of ' || array_to_string(_known, ', ') || ', or none: {}', _table);
  end if;
  if _type.applicable_to is null or array_position(_type.applicable_to, null) is not null or array_ndims(_type.applicable_to) > 1 then
    perform pgjobs.refuse('PJ400', 'bad_applicable_to', 'applicable_to', 'applicable_to: it is no list of entity types',
      'write {entity.device}, or {} for any', _table);
  end if;
  if length(_type.title) > 200 or _type.title ~ '[[:cntrl:]]' then
    perform pgjobs.refuse('PJ400', 'bad_title', 'title', 'title: it has more than 200 characters, or control characters', 'write it in one short line', _table);
  end if;
  if jsonb_typeof(_type.params_schema) not in ('object', 'boolean') or length(_type.params_schema::text) > 262144 then
    perform pgjobs.refuse('PJ400', 'bad_params_schema', 'params_schema', 'params_schema: it is no JSON Schema of at most 256 KB',
      'write an object such as {"type": "object", "properties": {}}', _table);
  end if;
  if 'partner' = any (_type.doors) and _type.selector = 'pgjobs.partner_records' then
    -- Anything else would be an item that nobody meant.
    select d.key, d.value into _odd, _value
    from jsonb_each(_type.defaults) d
    where d.key <> all (_type.params)
      and (d.key not in ('items', 'target') or jsonb_typeof(d.value) not in ('string', 'null')
           or (d.key = 'items' and (d.value #>> '{}') !~ '^([^.]+([.][^.]+)*)?$'))
    order by d.key
    limit 1;
    if found then
      perform pgjobs.refuse('PJ400', 'bad_defaults', 'defaults.' || left(_odd, 100),
        format(case when _odd in ('items', 'target') then 'defaults.%s: %s is not the name of a field' else 'defaults.%s: the partner door has no use for it' end,
          left(_odd, 100), left(_value::text, 100)),
        'name the array of the items as items (a path such as order.lines, or null), and the field that an item is called by as target', _table);
    end if;
  end if;
end;
$$;
comment on function pgjobs.check_doors(public.xmp_job_types) is
  'Refuses (PJ400) what a type says for the HTTP doors where it can''t be right: a door that there is not, a schema that is none, defaults that the partner door could not read.';
