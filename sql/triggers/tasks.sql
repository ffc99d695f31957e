-- The triggers of pgjobs.tasks.
create or replace trigger pgjobs_10_guard
before insert or update on pgjobs.tasks
for each row execute function pgjobs.guard_task();

create or replace trigger pgjobs_20_follow
after insert or update or delete on pgjobs.tasks
for each row execute function pgjobs.follow_task();
