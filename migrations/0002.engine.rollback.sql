drop table if exists pgjobs.schema_state, pgjobs.tokens, pgjobs.gauges, pgjobs.calls, pgjobs.notification_attempts, pgjobs.notifications,
  pgjobs.injection_lines, pgjobs.workers, pgjobs.log_segments, pgjobs.uncertain_ranges, pgjobs.events, pgjobs.outcomes,
  pgjobs.progress cascade;
drop type if exists pgjobs.job_params cascade;
