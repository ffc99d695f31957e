-- The triggers of xmp_jobs. The setting pgjobs.mute = 'on' keeps a bulk load quiet (no NOTIFY); the timer finds its jobs.
create or replace trigger pgjobs_10_guard
before insert or update on public.xmp_jobs
for each row execute function pgjobs.guard_job();

create or replace trigger pgjobs_12_key_insert
after insert on public.xmp_jobs
for each row when (new.idempotency_key is not null)
execute function pgjobs.guard_key();

create or replace trigger pgjobs_12_key_update
after update on public.xmp_jobs
for each row when (old.idempotency_key is distinct from new.idempotency_key)
execute function pgjobs.guard_key();

create or replace trigger pgjobs_15_callback
before insert or update of callback_url on public.xmp_jobs
for each row when (new.callback_url is not null)
execute function pgjobs.guard_callback();

create or replace trigger pgjobs_20_record_insert
after insert on public.xmp_jobs
for each row execute function pgjobs.record_transition();

create or replace trigger pgjobs_20_record_update
after update on public.xmp_jobs
for each row when (old.status is distinct from new.status)
execute function pgjobs.record_transition();

create or replace trigger pgjobs_21_record_schedule
after update on public.xmp_jobs
for each row when (
  old.status is not distinct from new.status
  and (old.run_at, old.active, old.start_asked, old.priority, old.rate, old.max_backlog, old.stop_at, old.schedule, old.budget, old.rules)
      is distinct from
      (new.run_at, new.active, new.start_asked, new.priority, new.rate, new.max_backlog, new.stop_at, new.schedule, new.budget, new.rules))
execute function pgjobs.record_schedule();

-- Before the shards are locked: whoever grants records locks the rate first.
create or replace trigger pgjobs_21_reset_rate
after update on public.xmp_jobs
for each row when (
  old.rate is distinct from new.rate
  or old.status is distinct from new.status and new.status::text in ('done', 'canceled', 'error'))
execute function pgjobs.reset_rate();

create or replace trigger pgjobs_22_count
after insert or delete on public.xmp_jobs
for each row execute function pgjobs.count_job();

create or replace trigger pgjobs_22_count_update
after update on public.xmp_jobs
for each row when ((old.type, old.status) is distinct from (new.type, new.status))
execute function pgjobs.count_job();

create or replace trigger pgjobs_22_schedule_insert
after insert on public.xmp_jobs
for each row execute function pgjobs.schedule_job();

create or replace trigger pgjobs_22_schedule_update
after update on public.xmp_jobs
for each row when (
  (old.status, old.active, old.run_at, old.priority, old.start_asked, old.rate, old.max_backlog, old.stop_at, old.schedule, old.budget, old.rules)
  is distinct from
  (new.status, new.active, new.run_at, new.priority, new.start_asked, new.rate, new.max_backlog, new.stop_at, new.schedule, new.budget, new.rules)
  -- Of a job that becomes done no shard is open or due any more.
  and (old.status is not distinct from new.status or new.status::text <> 'done'))
execute function pgjobs.schedule_job();

create or replace trigger pgjobs_23_params
after update on public.xmp_jobs
for each row when ((old.type, old.params, old.configuration) is distinct from (new.type, new.params, new.configuration))
execute function pgjobs.follow_params();

create or replace trigger pgjobs_24_release_hold
after update on public.xmp_jobs
for each row when (new.active and not old.active)
execute function pgjobs.release_hold();

create or replace trigger pgjobs_25_remark_insert
after insert on public.xmp_jobs
for each row when (new.params <> '{}' or new.schedule ? 'scattering')
execute function pgjobs.remark_job();

create or replace trigger pgjobs_25_remark_update
after update on public.xmp_jobs
for each row when (
  (old.type, old.params) is distinct from (new.type, new.params)
  or old.schedule -> 'scattering' is distinct from new.schedule -> 'scattering')
execute function pgjobs.remark_job();

create or replace trigger pgjobs_26_remark_equal
after insert on public.xmp_jobs
-- What makes a job of a partner is its payload, which is no parameter.
for each row when (new.task_id is null and (new.params <> '{}' or new.request is null))
execute function pgjobs.remark_equal_job();

create or replace trigger pgjobs_27_totals_insert
after insert on public.xmp_jobs
for each row when (new.type::text = 'mailing')
execute function pgjobs.follow_totals();

create or replace trigger pgjobs_27_totals_update
after update on public.xmp_jobs
for each row when (
  (old.type::text = 'mailing' or new.type::text = 'mailing')
  and (old.type, old.status, old.deleted_at) is distinct from (new.type, new.status, new.deleted_at))
execute function pgjobs.follow_totals();

create or replace trigger pgjobs_28_task_insert
after insert on public.xmp_jobs
for each row when (new.task_id is not null)
execute function pgjobs.follow_task_job();

create or replace trigger pgjobs_28_task_update
after update on public.xmp_jobs
for each row when (
  (old.task_id is not null or new.task_id is not null)
  and (old.task_id, old.status, old.active) is distinct from (new.task_id, new.status, new.active))
execute function pgjobs.follow_task_job();

create or replace trigger pgjobs_28_task_delete
after delete on public.xmp_jobs
for each row when (old.task_id is not null)
execute function pgjobs.follow_task_job();

create or replace trigger pgjobs_30_notify_insert
after insert on public.xmp_jobs
for each row when (coalesce(current_setting('pgjobs.mute', true), '') <> 'on')
execute function pgjobs.notify_job();

create or replace trigger pgjobs_30_notify_update
after update on public.xmp_jobs
for each row when (
  (old.status is distinct from new.status or old.run_at is distinct from new.run_at or old.active is distinct from new.active
   or old.priority is distinct from new.priority
   or (old.rate, old.max_backlog, old.stop_at, old.schedule, old.budget, old.rules)
      is distinct from (new.rate, new.max_backlog, new.stop_at, new.schedule, new.budget, new.rules))
  and coalesce(current_setting('pgjobs.mute', true), '') <> 'on')
execute function pgjobs.notify_job();

-- Before what is kept of its items goes.
create or replace trigger pgjobs_39_totals_delete
before delete on public.xmp_jobs
for each row when (old.type::text = 'mailing')
execute function pgjobs.follow_totals();

create or replace trigger pgjobs_40_forget
before delete on public.xmp_jobs
for each row execute function pgjobs.forget_job();

create or replace trigger pgjobs_50_truncate
before truncate on public.xmp_jobs
for each statement execute function pgjobs.refuse_truncate();
