-- Who may do what. The role that migrates owns everything, and the daemon logs in as it; nobody else gets anything
-- but what is listed here. A role that writes xmp_jobs needs rights on that table alone: its triggers do the rest.
-- Safe to run again by itself, for instance after the two groups have been created by hand.
revoke all on schema pgjobs from public;
revoke all on all tables in schema pgjobs from public;
revoke execute on all functions in schema pgjobs from public;

do $$
declare
  _group text;
begin
  for _group in select r.rolname from pg_catalog.pg_roles r where r.rolname in ('pgjobs_viewer', 'pgjobs_operator') loop
    execute format('grant usage on schema pgjobs to %I', _group);
    execute format('grant select on pgjobs.job_status, pgjobs.job_outcomes, pgjobs.job_events, pgjobs.job_uncertain, pgjobs.job_logs to %I', _group);
    execute format('grant execute on function pgjobs.why, pgjobs.show_job, pgjobs.job_json, pgjobs.list_jobs, pgjobs.running_jobs,'
                   ' pgjobs.metrics, pgjobs.stuck_jobs to %I', _group);
    -- What the views compute with.
    execute format('grant execute on function pgjobs.whole, pgjobs.seconds_between, pgjobs.record_codes to %I', _group);
    if _group = 'pgjobs_operator' then
      execute format('grant execute on function pgjobs.start_job, pgjobs.stop_job, pgjobs.resume_job, pgjobs.request_suspended,'
                     ' pgjobs.api_response, pgjobs.withdraw_api_request, pgjobs.set_retention to %I', _group);
      -- What the web process needs besides, so that it may log in as a member of this group.
      execute format('grant execute on function pgjobs.now, pgjobs.token_holder to %I', _group);
      execute format('grant select on pgjobs.schema_state to %I', _group);
    end if;
  end loop;
end
$$;
