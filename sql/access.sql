-- Who may do what. Everything in schema pgjobs that is not listed here is closed to everybody but the owner of the schema.
-- One line for each function, view and table: grep for its name, or for a role. A role that writes xmp_jobs needs rights
-- on that table alone, for its triggers do the rest. Safe to run again, for instance after roles have been made by hand.
do $access$
declare
  _line text;
  _found text[];
  _roles text;
  _present constant text[] := array(
    select r.rolname::text from pg_roles r
    where r.rolname in ('pgjobs_daemon', 'pgjobs_web', 'pgjobs_operator', 'pgjobs_viewer', 'pgjobs_agent')
       -- Where the schema belongs to another role, pgjobs_owner is that of other databases.
       or r.rolname = 'pgjobs_owner' and r.oid = (select n.nspowner from pg_namespace n where n.nspname = 'pgjobs'));
  _list constant text := $list$

-- The schema, and by which version it was made.
grant usage on schema pgjobs to pgjobs_daemon, pgjobs_web, pgjobs_operator, pgjobs_viewer, pgjobs_agent;
grant select on pgjobs.schema_state to pgjobs_daemon, pgjobs_web, pgjobs_operator, pgjobs_viewer, pgjobs_agent;
grant execute on function pgjobs.lacking_rights to pgjobs_daemon, pgjobs_web, pgjobs_operator, pgjobs_viewer, pgjobs_agent;

-- Looking: people and monitoring, and doctor, verify and watch where a daemon runs.
grant select on pgjobs.job_status to pgjobs_daemon, pgjobs_operator, pgjobs_viewer;
grant select on pgjobs.job_outcomes to pgjobs_daemon, pgjobs_operator, pgjobs_viewer;
grant select on pgjobs.job_events to pgjobs_daemon, pgjobs_operator, pgjobs_viewer;
grant select on pgjobs.job_uncertain to pgjobs_daemon, pgjobs_operator, pgjobs_viewer;
grant select on pgjobs.job_items to pgjobs_daemon, pgjobs_operator;
grant select on pgjobs.job_item_counts to pgjobs_daemon, pgjobs_operator, pgjobs_viewer;
grant select on pgjobs.reply_faults to pgjobs_daemon, pgjobs_operator;
grant select on pgjobs.item_totals to pgjobs_daemon;
grant select on pgjobs.reply_fault_counts to pgjobs_daemon, pgjobs_operator, pgjobs_viewer;
grant select on pgjobs.job_logs to pgjobs_daemon, pgjobs_operator, pgjobs_viewer;
grant select on pgjobs.retention to pgjobs_operator, pgjobs_viewer;
grant select on pgjobs.holidays to pgjobs_operator, pgjobs_viewer;
grant execute on function pgjobs.window_at to pgjobs_daemon, pgjobs_operator, pgjobs_viewer;
grant execute on function pgjobs.window_spans to pgjobs_daemon, pgjobs_operator, pgjobs_viewer;
grant execute on function pgjobs.why to pgjobs_daemon, pgjobs_operator, pgjobs_viewer;
grant execute on function pgjobs.plan to pgjobs_daemon, pgjobs_operator, pgjobs_viewer;
grant execute on function pgjobs.standstill_reason to pgjobs_daemon, pgjobs_operator, pgjobs_viewer;
grant execute on function pgjobs.eta to pgjobs_daemon, pgjobs_operator, pgjobs_viewer;
grant select on pgjobs.holds to pgjobs_operator, pgjobs_viewer;
grant select on pgjobs.switch to pgjobs_operator, pgjobs_viewer;
grant execute on function pgjobs.stuck_jobs to pgjobs_daemon, pgjobs_operator, pgjobs_viewer;
grant execute on function pgjobs.show_job to pgjobs_web, pgjobs_operator, pgjobs_viewer;
grant execute on function pgjobs.job_json to pgjobs_operator, pgjobs_viewer;
grant execute on function pgjobs.list_jobs to pgjobs_web, pgjobs_operator, pgjobs_viewer;
grant execute on function pgjobs.page_jobs to pgjobs_web, pgjobs_operator, pgjobs_viewer;
grant execute on function pgjobs.page_top to pgjobs_web, pgjobs_operator, pgjobs_viewer;
grant execute on function pgjobs.job_remark to pgjobs_daemon, pgjobs_operator, pgjobs_viewer;
grant execute on function pgjobs.log_state to pgjobs_daemon, pgjobs_operator, pgjobs_viewer;
grant execute on function pgjobs.overview to pgjobs_operator, pgjobs_viewer;
grant execute on function pgjobs.completions to pgjobs_daemon, pgjobs_operator, pgjobs_viewer;
grant execute on function pgjobs.running_jobs to pgjobs_web, pgjobs_operator, pgjobs_viewer;
grant execute on function pgjobs.whole_job to pgjobs_web, pgjobs_operator, pgjobs_viewer;
grant execute on function pgjobs.list_outcomes to pgjobs_web, pgjobs_operator, pgjobs_viewer;
grant execute on function pgjobs.list_events to pgjobs_web, pgjobs_operator, pgjobs_viewer;
grant execute on function pgjobs.job_report to pgjobs_daemon, pgjobs_web, pgjobs_operator, pgjobs_viewer;
grant execute on function pgjobs.log_files to pgjobs_web, pgjobs_operator, pgjobs_viewer;
grant execute on function pgjobs.metrics to pgjobs_web, pgjobs_operator, pgjobs_viewer;
grant execute on function pgjobs.metrics_targets to pgjobs_web, pgjobs_operator, pgjobs_viewer;
grant select on pgjobs.alerts to pgjobs_web, pgjobs_operator, pgjobs_viewer;
grant execute on function pgjobs.page_alerts to pgjobs_web, pgjobs_operator, pgjobs_viewer;
grant select on pgjobs.agent_status to pgjobs_daemon, pgjobs_operator, pgjobs_viewer;
grant select on pgjobs.task_status to pgjobs_daemon, pgjobs_operator, pgjobs_viewer;
grant execute on function pgjobs.occasions to pgjobs_operator, pgjobs_viewer;
-- What the views compute with.
grant execute on function pgjobs.task_state to pgjobs_daemon, pgjobs_operator, pgjobs_viewer;
grant execute on function pgjobs.readable to pgjobs_daemon, pgjobs_operator;
grant execute on function pgjobs.whole to pgjobs_daemon, pgjobs_operator, pgjobs_viewer;
grant execute on function pgjobs.seconds_between to pgjobs_daemon, pgjobs_operator, pgjobs_viewer;
grant execute on function pgjobs.record_codes to pgjobs_daemon, pgjobs_operator, pgjobs_viewer;
grant execute on function pgjobs.orders to pgjobs_daemon, pgjobs_operator, pgjobs_viewer;
grant execute on function pgjobs.alert_rules to pgjobs_web, pgjobs_operator, pgjobs_viewer;
grant execute on function pgjobs.daemon_alerts to pgjobs_web, pgjobs_operator, pgjobs_viewer;
grant execute on function pgjobs.job_alerts to pgjobs_web, pgjobs_operator, pgjobs_viewer;
grant execute on function pgjobs.retention_alerts to pgjobs_web, pgjobs_operator, pgjobs_viewer;

-- Steering.
grant execute on function pgjobs.create_job to pgjobs_web, pgjobs_operator;
grant execute on function pgjobs.change_job to pgjobs_web, pgjobs_operator;
grant execute on function pgjobs.start_job to pgjobs_web, pgjobs_operator;
grant execute on function pgjobs.stop_job to pgjobs_web, pgjobs_operator;
grant execute on function pgjobs.pause_job to pgjobs_web, pgjobs_operator;
grant execute on function pgjobs.resume_job to pgjobs_web, pgjobs_operator;
grant execute on function pgjobs.cancel_job to pgjobs_web, pgjobs_operator;
grant execute on function pgjobs.retry_job to pgjobs_web, pgjobs_operator;
grant execute on function pgjobs.create_client to pgjobs_web, pgjobs_operator;
grant execute on function pgjobs.change_client to pgjobs_web, pgjobs_operator;
grant execute on function pgjobs.delete_client to pgjobs_web, pgjobs_operator;
grant execute on function pgjobs.show_client to pgjobs_web, pgjobs_operator;
grant execute on function pgjobs.list_clients to pgjobs_web, pgjobs_operator;
grant execute on function pgjobs.create_mailing to pgjobs_web, pgjobs_operator;
grant execute on function pgjobs.change_mailing to pgjobs_web, pgjobs_operator;
grant execute on function pgjobs.delete_mailing to pgjobs_web, pgjobs_operator;
grant execute on function pgjobs.mailing_log to pgjobs_web, pgjobs_operator;
grant execute on function pgjobs.message_log to pgjobs_web, pgjobs_operator;
grant execute on function pgjobs.client_log to pgjobs_web, pgjobs_operator;
grant execute on function pgjobs.mailing_report to pgjobs_web, pgjobs_operator;
grant execute on function pgjobs.mailing_statistics to pgjobs_web, pgjobs_operator, pgjobs_viewer;
grant execute on function pgjobs.request_suspended to pgjobs_web, pgjobs_operator;
grant execute on function pgjobs.api_response to pgjobs_web, pgjobs_operator;
grant execute on function pgjobs.withdraw_api_request to pgjobs_web, pgjobs_operator;
grant execute on function pgjobs.set_retention to pgjobs_operator;
grant insert, update, delete on pgjobs.holidays to pgjobs_operator;
grant select, delete on pgjobs.agents to pgjobs_operator;
grant insert (name, about), update (about) on pgjobs.agents to pgjobs_operator;
grant select, insert, update, delete on pgjobs.tasks to pgjobs_operator;
grant execute on function pgjobs.hold_all to pgjobs_operator;
grant select, insert, update, delete on pgjobs.entities to pgjobs_operator;
grant execute on function pgjobs.append_items to pgjobs_operator;
grant execute on function pgjobs.remove_items to pgjobs_operator;
grant execute on function pgjobs.expand_soon to pgjobs_operator;
grant execute on function pgjobs.put_entities to pgjobs_operator;
grant execute on function pgjobs.remove_entities to pgjobs_operator;
grant execute on function pgjobs.list_entities to pgjobs_web, pgjobs_operator;
grant execute on function pgjobs.release_all to pgjobs_operator;

-- Serving HTTP.
grant execute on function pgjobs.now to pgjobs_web;
grant execute on function pgjobs.trusted_setting to pgjobs_web;
grant execute on function pgjobs.token_holder to pgjobs_web;
grant execute on function pgjobs.partner_app to pgjobs_web;
grant execute on function pgjobs.partner_template to pgjobs_web;
grant execute on function pgjobs.partner_job to pgjobs_web;
grant execute on function pgjobs.submit_partner_job to pgjobs_web;

-- The jobs page.
grant execute on function pgjobs.page_job to pgjobs_web, pgjobs_operator, pgjobs_viewer;
grant execute on function pgjobs.page_events to pgjobs_web, pgjobs_operator, pgjobs_viewer;
grant execute on function pgjobs.page_progress to pgjobs_web, pgjobs_operator, pgjobs_viewer;
grant execute on function pgjobs.page_outcomes to pgjobs_web, pgjobs_operator, pgjobs_viewer;
grant execute on function pgjobs.page_plan to pgjobs_web, pgjobs_operator, pgjobs_viewer;
grant execute on function pgjobs.page_plot to pgjobs_web, pgjobs_operator, pgjobs_viewer;
grant execute on function pgjobs.page_system to pgjobs_web, pgjobs_operator, pgjobs_viewer;
grant execute on function pgjobs.page_tasks to pgjobs_web, pgjobs_operator, pgjobs_viewer;
grant execute on function pgjobs.page_log to pgjobs_web, pgjobs_operator, pgjobs_viewer;
-- They show what was sent, as job_items does.
grant execute on function pgjobs.page_items to pgjobs_web, pgjobs_operator;
grant execute on function pgjobs.page_item to pgjobs_web, pgjobs_operator;

-- The door of the operations.
grant execute on function pgjobs.operation_types to pgjobs_web;
grant execute on function pgjobs.operation_schema to pgjobs_web;
grant execute on function pgjobs.create_operation_job to pgjobs_web;
grant execute on function pgjobs.show_operation_job to pgjobs_web;
grant execute on function pgjobs.update_operation_job to pgjobs_web;
grant execute on function pgjobs.cancel_operation_job to pgjobs_web;
grant execute on function pgjobs.list_operations to pgjobs_web;
grant execute on function pgjobs.show_operation to pgjobs_web;
grant execute on function pgjobs.search to pgjobs_web;
grant execute on function pgjobs.search_summary to pgjobs_web;
grant execute on function pgjobs.create_operation_task to pgjobs_web;
grant execute on function pgjobs.show_operation_task to pgjobs_web;
grant execute on function pgjobs.update_operation_task to pgjobs_web;
grant execute on function pgjobs.delete_operation_task to pgjobs_web;
grant execute on function pgjobs.list_operation_tasks to pgjobs_web;
grant execute on function pgjobs.list_task_jobs to pgjobs_web;

-- Running shards.
grant execute on function pgjobs.claim_shards to pgjobs_daemon;
grant execute on function pgjobs.next_wakeup to pgjobs_daemon;
grant execute on function pgjobs.choose_yields to pgjobs_daemon;
grant execute on function pgjobs.measure_selection to pgjobs_daemon;
grant execute on function pgjobs.open_shard to pgjobs_daemon;
grant execute on function pgjobs.prepare_job to pgjobs_daemon;
grant execute on function pgjobs.shard_position to pgjobs_daemon;
grant execute on function pgjobs.open_log to pgjobs_daemon;
grant execute on function pgjobs.grant_records to pgjobs_daemon;
grant execute on function pgjobs.published_so_far to pgjobs_daemon;
grant execute on function pgjobs.anything_sent to pgjobs_daemon;
grant execute on function pgjobs.is_replayed to pgjobs_daemon;
grant execute on function pgjobs.open_records to pgjobs_daemon;
grant execute on function pgjobs.renew_lease to pgjobs_daemon;
grant execute on function pgjobs.renew_leases to pgjobs_daemon;
grant execute on function pgjobs.note_repeats to pgjobs_daemon;
grant execute on function pgjobs.checkpoint_job to pgjobs_daemon;
grant execute on function pgjobs.checkpoint_items to pgjobs_daemon;
grant execute on function pgjobs.checkpoint_refused to pgjobs_daemon;
grant execute on function pgjobs.expand_items to pgjobs_daemon;
grant execute on function pgjobs.next_expansion to pgjobs_daemon;
grant execute on function pgjobs.leave_expansion to pgjobs_daemon;
grant execute on function pgjobs.close_cancelled to pgjobs_daemon;
grant execute on function pgjobs.reply_queues to pgjobs_daemon;
grant execute on function pgjobs.first_types to pgjobs_daemon;
grant execute on function pgjobs.note_replies to pgjobs_daemon;
grant execute on function pgjobs.count_reply_fault to pgjobs_daemon;
grant execute on function pgjobs.take_items to pgjobs_operator, pgjobs_agent;
grant execute on function pgjobs.report_items to pgjobs_daemon, pgjobs_operator, pgjobs_agent;
grant execute on function pgjobs.locked_replies to pgjobs_daemon;
grant execute on function pgjobs.settle_items to pgjobs_daemon, pgjobs_operator, pgjobs_agent;
grant execute on function pgjobs.checkpoint_and_finish to pgjobs_daemon;
grant execute on function pgjobs.finish_shard to pgjobs_daemon;
grant execute on function pgjobs.release_shard to pgjobs_daemon;
grant execute on function pgjobs.park_shard to pgjobs_daemon;
grant execute on function pgjobs.fail_job to pgjobs_daemon;
-- The lines of a file, which a daemon copies into their table.
grant execute on function pgjobs.open_lines to pgjobs_daemon;
grant insert (job_id, line_no, raw, msisdn, fault, fault_detail) on pgjobs.injection_lines to pgjobs_daemon;
grant execute on function pgjobs.close_lines to pgjobs_daemon;

-- What a daemon does besides.
grant execute on function pgjobs.beat to pgjobs_daemon;
grant execute on function pgjobs.snapshot_age to pgjobs_daemon;
grant execute on function pgjobs.leave to pgjobs_daemon;
grant execute on function pgjobs.sweep to pgjobs_daemon;
grant execute on function pgjobs.tend_tasks to pgjobs_daemon;
grant execute on function pgjobs.fold_counts to pgjobs_daemon;
grant execute on function pgjobs.recount_jobs to pgjobs_daemon;
grant execute on function pgjobs.elect to pgjobs_daemon;
grant execute on function pgjobs.forget_daemons to pgjobs_daemon;
grant execute on function pgjobs.beat_agent to pgjobs_daemon, pgjobs_agent;
grant execute on function pgjobs.forget_agents to pgjobs_daemon;
grant execute on function pgjobs.clear_history to pgjobs_daemon;
grant execute on function pgjobs.clear_beyond_last to pgjobs_daemon;
grant execute on function pgjobs.removable_logs to pgjobs_daemon;
grant execute on function pgjobs.log_removed to pgjobs_daemon;
grant execute on function pgjobs.refresh_gauges to pgjobs_daemon;
grant execute on function pgjobs.queues_to_measure to pgjobs_daemon;
grant execute on function pgjobs.note_depths to pgjobs_daemon;
grant execute on function pgjobs.announce_callbacks to pgjobs_daemon;
grant execute on function pgjobs.callback_fault to pgjobs_daemon;
grant execute on function pgjobs.next_callback to pgjobs_daemon;
grant execute on function pgjobs.claim_callback to pgjobs_daemon;
grant execute on function pgjobs.record_callback to pgjobs_daemon;
grant execute on function pgjobs.claim_api_request to pgjobs_daemon;
grant execute on function pgjobs.open_api_request to pgjobs_daemon;
grant execute on function pgjobs.close_api_request to pgjobs_daemon;
grant execute on function pgjobs.abandon_api_requests to pgjobs_daemon;

-- Checking a log ("pgjobs verify"). From the checks of lines one can guess what was sent, as job_items has it: not for viewers.
grant execute on function pgjobs.job_order to pgjobs_daemon, pgjobs_operator;
grant execute on function pgjobs.begun_shards to pgjobs_daemon, pgjobs_operator;
grant select on pgjobs.shards to pgjobs_daemon, pgjobs_operator;
grant select on pgjobs.outcomes to pgjobs_daemon, pgjobs_operator;
grant select on pgjobs.events to pgjobs_daemon, pgjobs_operator;
grant select on pgjobs.log_segments to pgjobs_daemon, pgjobs_operator;
grant select on pgjobs.checkpoints to pgjobs_daemon, pgjobs_operator;

-- Checking everything ("pgjobs doctor").
grant execute on function pgjobs.trusted_selector to pgjobs_daemon;
grant execute on function pgjobs.missing_columns to pgjobs_daemon;
grant execute on function pgjobs.missing_rights to pgjobs_daemon;
grant execute on function pgjobs.changed_functions to pgjobs_daemon;
grant execute on function pgjobs.changed_rights to pgjobs_daemon;
grant execute on function pgjobs.wanted_indexes to pgjobs_daemon;
grant select on pgjobs.daemons to pgjobs_daemon;
grant execute on function pgjobs.live_daemons to pgjobs_daemon;
grant execute on function pgjobs.measured to pgjobs_daemon;
grant select (expires_at) on pgjobs.tokens to pgjobs_daemon;
grant select (id, status, run_at, shards) on public.xmp_jobs to pgjobs_daemon;
grant select (name, selector, exchange, routing_key, tracked, reply_queue, needs_replies, format, execution_limit, doors, params, params_schema) on public.xmp_job_types to pgjobs_daemon;

-- The operator's tables, which keep their owners; pgjobs.missing_rights() says what could not be granted here.
grant usage on schema public to pgjobs_owner;
grant select, insert, update, delete on public.xmp_jobs to pgjobs_owner;
grant select on public.xmp_job_types to pgjobs_owner;
grant select on public.xmp_retries to pgjobs_owner;
grant select on public.xmp_retries_expired to pgjobs_owner;
grant select on public.xmp_transactions to pgjobs_owner;
grant select on public.xmp_subscriptions to pgjobs_owner;
grant select on public.xmp_services to pgjobs_owner;
grant select on public.xmp_operator_msisdn_prefix to pgjobs_owner;
grant select on public.xmp_msisdn_blacklist to pgjobs_owner;
grant select on public.xmp_msisdn_postpaid to pgjobs_owner;
grant select on public.xmp_pixel_buffer to pgjobs_owner;

$list$;
begin
  -- Whatever the owner has taken from itself, it has again.
  _roles := (select n.nspowner::regrole::text from pg_namespace n where n.nspname = 'pgjobs');
  execute format('grant all on schema pgjobs to %s', _roles);
  execute format('grant all on all tables in schema pgjobs to %s', _roles);
  execute format('grant all on all sequences in schema pgjobs to %s', _roles);
  execute format('grant all on all routines in schema pgjobs to %s', _roles);
  -- A right that stood here once, or that everybody has by default, goes first.
  foreach _roles in array _present || '{public}' loop
    continue when _roles = 'pgjobs_owner';
    execute format('revoke all on schema pgjobs from %s', _roles);
    execute format('revoke all on all tables in schema pgjobs from %s', _roles);
    execute format('revoke all on all sequences in schema pgjobs from %s', _roles);
    execute format('revoke all on all routines in schema pgjobs from %s', _roles);
  end loop;
  foreach _line in array string_to_array(_list, E'\n') loop
    continue when _line = '' or _line like '--%';
    _found := regexp_match(_line, '^(grant .* on (?:function |schema )?([a-z_.]+)) to ([a-z_, ]+);$');
    if _found is null then
      raise exception 'sql/access.sql: this line is no grant: %', _line;
    end if;
    select string_agg(r, ', ') into _roles from unnest(string_to_array(_found[3], ', ')) r where r = any (_present);
    -- A table of somebody else's is for its owner to open.
    continue when _roles is null or case
      when _found[2] = 'public' then (select not pg_has_role(n.nspowner, 'usage') from pg_namespace n where n.nspname = 'public')
      when _found[2] like 'public.%' then (select not pg_has_role(c.relowner, 'usage') from pg_class c where c.oid = to_regclass(_found[2]))
      else false end;
    execute format('%s to %s', _found[1], _roles);
  end loop;
  -- Tasks insert jobs, and with the predecessor the number of a job comes from a sequence that has rights of its own.
  _line := (select pg_get_serial_sequence('public.xmp_jobs', 'id') from pg_attribute a
            where a.attrelid = 'public.xmp_jobs'::regclass and a.attname = 'id' and a.attidentity = '');
  if 'pgjobs_owner' = any (_present) and exists (select from pg_class c where c.oid = to_regclass(_line) and pg_has_role(c.relowner, 'usage')) then
    execute format('grant usage on sequence %s to pgjobs_owner', _line);
  end if;
  perform pgjobs.note_rights();
end
$access$;
