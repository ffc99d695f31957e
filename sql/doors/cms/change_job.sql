-- Reads: xmp_jobs, job_status   Writes: xmp_jobs
create or replace function pgjobs.change_job(_id bigint, _changes jsonb, _actor text default null, _revisions text[] default null)
returns jsonb
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
set timezone = 'UTC'
as $$
declare
  _former constant text := pgjobs.set_actor(_actor);
  _list text;
  _column text;
begin
  perform from public.xmp_jobs j where j.id = _id for update;
  perform pgjobs.need_job(_id);
  perform pgjobs.expect_revision(_id, _revisions);
  if _changes = '{}' then
    perform pgjobs.refuse('PJ400', 'no_change', '', 'the body names no column', 'give at least one, as in {"priority": 7}');
  end if;
  -- Literals take any type that the operator gave these columns.
  select string_agg(format('%I = %L', c.key, pgjobs.read_column(c.key, c.value)), ', ') into _list from jsonb_each(_changes) c;
  begin
    execute format('update public.xmp_jobs set %s where id = %s', _list, _id);
  exception when not_null_violation then
    get stacked diagnostics _column = column_name;
    perform pgjobs.refuse('PJ400', 'bad_' || _column, _column, format('%s: it is null', _column), 'give a value, or leave it out');
  when invalid_text_representation or numeric_value_out_of_range or string_data_right_truncation then
    -- The operator's columns may be narrower, or enums.
    perform pgjobs.refuse('PJ400', 'bad_value', '', sqlerrm, 'give what the column of xmp_jobs can hold');
  end;
  perform set_config('pgjobs.actor', _former, true);
  return pgjobs.whole_job(_id);
end;
$$;
comment on function pgjobs.change_job(bigint, jsonb, text, text[]) is
  'Writes these columns of a job ({"priority": 7, "rate": null}) by the rules of every update, and answers as whole_job() does. Refuses (PJ404) where there is none, (PJ412) where it is at none of these revisions, and whatever the triggers refuse.';
