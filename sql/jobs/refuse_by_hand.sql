-- Reads: nothing   Writes: nothing
create or replace function pgjobs.refuse_by_hand(_column text, _changed boolean)
returns void
language plpgsql
stable
set search_path = pg_catalog, pg_temp
as $$
begin
  if _changed then
    perform pgjobs.refuse('PJ400', 'by_hand', _column, format('%s: only the engine writes this column', _column),
      format('leave %s out', _column));
  end if;
end;
$$;
comment on function pgjobs.refuse_by_hand(text, boolean) is 'Refuses a value that somebody has written into a column of the engine.';
