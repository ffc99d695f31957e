-- The trigger of xmp_job_types.
create or replace trigger pgjobs_10_guard
before insert or update on public.xmp_job_types
for each row execute function pgjobs.guard_type();
