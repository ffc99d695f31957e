-- Jobs whose start was refused wait here for their next attempt; callbacks know whether anybody is to be called, and where.
-- depends: 0006.look-ups-by-bytes

create table pgjobs.postponed_jobs (
  job_id   bigint primary key,
  sqlstate text not null,
  sentence text not null,
  attempts integer not null default 1,
  since    timestamptz not null,
  retry_at timestamptz not null
);
comment on table pgjobs.postponed_jobs is
  'Jobs that the database refused to start and to break off: set aside until retry_at, so that the others start.';

alter table public.xmp_jobs add column if not exists callback_url text;
comment on column public.xmp_jobs.callback_url is 'Called when this job ends; null: the address of the daemon''s settings, where it has one.';

create table pgjobs.callback_state (
  singleton boolean primary key default true check (singleton),
  wanted    boolean not null,
  seen_at   timestamptz not null
);
comment on table pgjobs.callback_state is
  'Whether the daemons have a callback address, and when one of them last said so; without one nothing is kept to be told.';

alter table pgjobs.notifications
  add column host            text not null default '',
  add column in_flight_until timestamptz;
comment on column pgjobs.notifications.host is 'Host of the job''s own callback_url; empty: the address of the daemon''s settings.';
comment on column pgjobs.notifications.in_flight_until is 'Until then a call of this row may be on its way, and no other of its job is begun.';
create index notifications_job_idx on pgjobs.notifications (job_id);
