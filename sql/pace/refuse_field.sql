-- Reads: nothing   Writes: nothing
create or replace function pgjobs.refuse_field(_field text, _wrong text, _hint text, _table text)
returns void
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
as $$
begin
  perform pgjobs.refuse('PJ400', 'bad_' || split_part(_field, '.', 1), _field, format('%s: %s', _field, _wrong), _hint, _table);
end;
$$;
comment on function pgjobs.refuse_field(text, text, text, text) is
  'Refuses a value within a jsonb column, named by its path (schedule.window[1].zone); the machine code is bad_ and the name of the column.';
