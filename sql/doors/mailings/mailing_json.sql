-- Reads: nothing   Writes: nothing
create or replace function pgjobs.mailing_json(_job public.xmp_jobs)
returns json
language sql
stable
set search_path = pg_catalog, pg_temp
as $$
  select json_build_object('id', _job.id, 'start_time', pgjobs.instant_text(pgjobs.utc(_job.run_at)), 'text', _job.params ->> 'text',
                           'client_operator_code_filter', _job.params ->> 'client_operator_code_filter',
                           'client_tag_filter', _job.params ->> 'client_tag_filter', 'end_time', pgjobs.instant_text(_job.stop_at));
$$;
comment on function pgjobs.mailing_json(public.xmp_jobs) is 'A mailing as its door answers with it when it is created or changed.';
