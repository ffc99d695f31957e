-- Reads: pg_attribute   Writes: nothing
create or replace function pgjobs.message_expressions(_table text, _row text, _tested_row text default null)
returns jsonb
language sql
stable
set search_path = pg_catalog, pg_temp
as $$
  with fields as (
    select c.field, c.type_name, c.nullable, c.kind, quote_ident(_row) || '.' || quote_ident(c.found) as place,
           quote_ident(coalesce(_tested_row, _row)) || '.' || quote_ident(c.found) as tested, c.found is null as is_missing
    from pgjobs.message_columns(_table) c
  )
  select jsonb_object_agg(f.field, case
      when f.kind = 'moment' then case when f.is_missing then 'null::timestamptz' else format('pgjobs.utc(%s)', f.place) end
      when f.kind in ('text', 'bigint') then case when f.is_missing then 'null::' || f.kind else f.place || '::' || f.kind end
      else f.place end)
    -- What is asked of a price depends on what its column can hold: of most, nothing.
    || coalesce((
      select jsonb_build_object('price_fault', concat(
        case when f.nullable then format(' when %s is null then ''no_price''', f.tested) end,
        case
          when f.type_name in ('int2', 'int4', 'int8') then null
          when f.type_name in ('float4', 'float8', 'numeric') then
            format(' when %1$s >= ''Infinity'' or %1$s = ''-Infinity'' then ''bad_price''', f.tested)
          else format(' when %s::text !~ ''^-?(0|[1-9][0-9]*)([.][0-9]+)?([eE][+-]?[0-9]+)?$'' then ''bad_price''', f.tested)
        end))
      from fields f where f.field = 'price' and not f.is_missing), '{"price_fault": ""}')
  from fields f;
$$;
comment on function pgjobs.message_expressions(text, text, text) is
  'For each field of a message the expression that reads it from this alias of a table, null where no column holds it; price_fault: branches of a case that give the code of a price that can''t be sent, for another alias where one is given.';
