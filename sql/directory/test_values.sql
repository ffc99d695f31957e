-- Reads: nothing   Writes: nothing
create or replace function pgjobs.test_values(
  _operator text, _sql text, _type text, _name text, _values jsonb, _texts text[], _case_sensitive boolean, _place text)
returns text
language plpgsql
stable
set search_path = pg_catalog, pg_temp
set timezone = 'UTC'
as $$
declare
  _is_number constant text := '^-?[0-9]{1,30}([.][0-9]{1,30})?$';
  _is_whole constant text := '^-?[0-9]{1,18}$';
  _sign constant text := case _operator when 'gt' then '>' when 'lt' then '<' when 'gte' then '>=' when 'lte' then '<=' else '=' end;
  _orders constant boolean := _sign <> '=';
  _text text := format(case _type when 'text' then '%s' when 'attributes' then '(%s #>> %L)' else '(%s)::text' end, _sql, string_to_array(_name, '.')::text);
  _fitting text[];
  _bad text;
begin
  if _type = 'tags' then
    if _orders then
      perform pgjobs.refuse('PJ400', 'bad_filter', _place, format('%s: tags have no order', _place), 'use eq, in, like or exists');
    end if;
    return case when _operator <> 'like' and _case_sensitive then format('(%s && %L::text[])', _sql, _texts)
      else format('exists (select from unnest(%s) f (tag) where %s)', _sql,
        pgjobs.test_values(_operator, 'f.tag', 'text', _name, _values, _texts, _case_sensitive, _place)) end;
  end if;
  if _operator = 'like' then
    return format('(%s %s %L)', _text, case when _case_sensitive then '~' else '~*' end, _texts[1]);
  end if;
  if _type = 'attributes' and not _orders and _case_sensitive and jsonb_array_length(_values) <= 20 then
    return format('(%s)', (
      select string_agg(pgjobs.attribute_test(_sql, string_to_array(_name, '.'), v.value), ' or ' order by v.n)
      from jsonb_array_elements(_values) with ordinality v (value, n)));
  end if;
  if _type = 'attributes' and _orders and _texts[1] ~ _is_number then
    return format('(case when %1$s ~ %2$L then (%1$s)::numeric end %3$s %4$L::numeric)', _text, _is_number, _sign, _texts[1]);
  end if;
  if _type in ('text', 'attributes') then
    return case
      when _orders and _case_sensitive then format('(%s collate "C" %s %L)', _text, _sign, _texts[1])
      when _orders then format('(lower(%s) collate "C" %s %L)', _text, _sign, lower(_texts[1]))
      when _case_sensitive and cardinality(_texts) = 1 then format('(%s = %L)', _text, _texts[1])
      when _case_sensitive then format('(%s = any (%L::text[]))', _text, _texts)
      else format('(lower(%s) = any (%L::text[]))', _text, array(select lower(t) from unnest(_texts) t)) end;
  end if;

  _fitting := array(select lower(btrim(t)) from unnest(_texts) t where case _type
    when 'bigint' then btrim(t) ~ _is_number when 'numeric' then btrim(t) ~ _is_number
    when 'boolean' then lower(btrim(t)) in ('true', 'false')
    else btrim(t) ~ '^[0-9]{4}-[0-9]{2}-[0-9]{2}' end);
  if _type = 'timestamptz' then
    begin
      _fitting := array(select t::timestamptz::text from unnest(_fitting) t);
    exception when data_exception then
      _fitting := '{}';
    end;
  end if;
  select t into _bad from unnest(_texts) t where cardinality(_fitting) < cardinality(_texts) limit 1;
  -- Nothing is equal to what it can't be; what is to be compared with it has to be right.
  if _bad is not null and (_orders or _type = 'timestamptz') then
    perform pgjobs.refuse('PJ400', 'bad_filter', _place, format('%s: %L is %s', _place, left(_bad, 100),
        case _type when 'boolean' then 'neither true nor false' when 'timestamptz' then 'no moment' else 'no number' end),
      case _type when 'boolean' then 'give true or false' when 'timestamptz' then 'give a moment such as 2026-11-26T09:00:00Z' else 'give a number' end);
  end if;
  if cardinality(_fitting) = 0 then
    return 'false';
  end if;
  if _type = 'bigint' and exists (select from unnest(_fitting) f where f !~ _is_whole) then
    _type := 'numeric';
  end if;
  return case when cardinality(_fitting) = 1 then format('(%s %s %L::%s)', _sql, _sign, _fitting[1], _type)
              else format('(%s = any (%L::%s[]))', _sql, _fitting, _type) end;
end;
$$;
comment on function pgjobs.test_values(text, text, text, text, jsonb, text[], boolean, text) is
  'The SQL condition that a field compares so with a value, or is one of the values; of a list, and of attributes with a whole list as value, that one of them does. See filter_condition().';
