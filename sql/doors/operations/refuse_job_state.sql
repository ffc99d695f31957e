-- Reads: nothing   Writes: nothing
create or replace function pgjobs.refuse_job_state(_hint text, _field text default 'active')
returns void
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
as $$
begin
  -- The sentence is what the vendor's clients compare with.
  perform pgjobs.refuse('PJ409', 'job_state', _field, 'Job state transition error.', _hint);
end;
$$;
comment on function pgjobs.refuse_job_state(text, text) is 'Refuses (PJ409) what a job of the operations can''t do in its state; the field is what was to be changed.';
