-- Reads: xmp_jobs, job_status, requests   Writes: xmp_jobs (a new row), requests
create or replace function pgjobs.create_job(_job jsonb, _actor text default null, _once jsonb default null)
returns jsonb
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
set timezone = 'UTC'
as $$
declare
  _former constant text := pgjobs.set_actor(_actor);
  _columns jsonb;
  _id bigint;
  _column text;
  _answer jsonb := pgjobs.known_request(_actor, _once);
begin
  if _answer is not null then
    perform set_config('pgjobs.actor', _former, true);
    return _answer;
  end if;
  if _job ->> 'type' is null then
    perform pgjobs.refuse('PJ400', 'no_type', 'type', 'type: it is missing', 'say what kind of job it is, as in "expired"');
  end if;
  select jsonb_object_agg(c.key, pgjobs.read_column(c.key, c.value)) into _columns from jsonb_each(_job) c;
  begin
    _id := pgjobs.insert_job(_columns || jsonb_build_object('submitted_by', _actor));
  -- The operator's columns may be needed, narrower, or enums.
  exception when not_null_violation then
    get stacked diagnostics _column = column_name;
    perform pgjobs.refuse('PJ400', 'no_' || _column, _column, format('%s: it is missing', _column), 'give a value: the column of xmp_jobs needs one');
  when invalid_text_representation or numeric_value_out_of_range or string_data_right_truncation then
    perform pgjobs.refuse('PJ400', 'bad_value', '', sqlerrm, 'give what the column of xmp_jobs can hold');
  end;
  perform set_config('pgjobs.actor', _former, true);
  _answer := pgjobs.whole_job(_id);
  perform pgjobs.keep_request(_actor, _once, _answer);
  return _answer;
end;
$$;
comment on function pgjobs.create_job(jsonb, text, jsonb) is
  'Inserts a job with these columns ({"type": ..., "params": ...}) by the rules of every insert, and answers as whole_job() does; the same request under the same Idempotency-Key gets the same answer again. Refuses (PJ400, PJ409). Null leaves a column out.';
