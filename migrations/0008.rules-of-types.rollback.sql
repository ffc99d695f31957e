delete from pgjobs.events where to_status is null;
alter table pgjobs.events alter column to_status set not null;
comment on table pgjobs.events is 'Every transition of every job; only ever appended to.';
alter table public.xmp_job_types drop column ignores, drop column shardable, drop column lenient;
