-- The trigger of xmp_job_types.
create or replace trigger pgjobs_10_guard
before insert or update or delete on public.xmp_job_types
for each row execute function pgjobs.guard_type();

create or replace trigger pgjobs_20_pace
after update on public.xmp_job_types
for each row when (
  (old.rate, old.max_backlog, old.schedule, old.budget, old.queue, old.execution_limit, old.ack_limit)
  is distinct from (new.rate, new.max_backlog, new.schedule, new.budget, new.queue, new.execution_limit, new.ack_limit))
execute function pgjobs.apply_type_pace();

create or replace trigger pgjobs_25_keep
after update on public.xmp_job_types
for each row when (old.keep_the_last is distinct from new.keep_the_last)
execute function pgjobs.follow_keep_the_last();
