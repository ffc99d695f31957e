-- Reads: nothing   Writes: nothing
create or replace function pgjobs.mailing_json(_job public.xmp_jobs)
returns json
language sql
stable
set search_path = pg_catalog, pg_temp
as $$
  -- The interval only where there is one: nobody else asked for it.
  select json_object_agg(f.name, f.value order by f.n)
  from (values
    (1, 'id', to_json(_job.id)),
    (2, 'start_time', to_json(pgjobs.instant_text(pgjobs.utc(_job.run_at)))),
    (3, 'text', to_json(_job.params ->> 'text')),
    (4, 'client_operator_code_filter', to_json(_job.params ->> 'client_operator_code_filter')),
    (5, 'client_tag_filter', to_json(_job.params ->> 'client_tag_filter')),
    (6, 'end_time', to_json(pgjobs.instant_text(_job.stop_at))),
    (7, 'time_interval', to_json((_job.schedule #>> '{window,start}') || '-' || (_job.schedule #>> '{window,stop}')))) f (n, name, value)
  where f.n < 7 or f.value is not null;
$$;
comment on function pgjobs.mailing_json(public.xmp_jobs) is 'A mailing as its door answers with it when it is created or changed.';
