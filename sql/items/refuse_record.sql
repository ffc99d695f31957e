-- Reads: what the selector reads   Writes: nothing
create or replace function pgjobs.refuse_record(_job_id bigint, _said text)
returns void
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
set timezone = 'UTC'
-- Where everything is read before the first record, each record would be the first one.
set enable_hashjoin = off
set enable_mergejoin = off
set enable_sort = off
as $$
declare
  _records refcursor;
  _record record;
  _behind bigint;
  _place text := 'a record';
begin
  begin
    open _records no scroll for execute pgjobs.records_statement(_job_id, 0, null, null);
    loop
      fetch _records into _record;
      exit when not found;
      _behind := _record.key;
    end loop;
  exception when data_exception then
    _place := coalesce('the record behind ' || _behind, _place);
  end;
  perform pgjobs.refuse('PJ400', 'selection', 'selector', format('%s can''t be selected: %s', _place, _said),
    'mend the record or the selector, then resume the job', 'public.xmp_job_types');
end;
$$;
comment on function pgjobs.refuse_record(bigint, text) is
  'Refuses (PJ400) a selection that fails on one of its records, with what was said and the place, for which the selection is read once more.';
