"""Helpers: databases as a predecessor left them, in the shapes seen in the field."""

LOOKUPS = """
create table xmp_job_statuses (name varchar(127) not null primary key);
insert into xmp_job_statuses values ('ready'), ('in progress'), ('canceled'), ('done'), ('error');
create table xmp_job_types (name varchar(127) not null primary key);
insert into xmp_job_types values ('injection'), ('expired');
"""
ENUMS = """
create type job_status as enum ('ready', 'in progress', 'canceled', 'done', 'error');
create type job_type as enum ('injection', 'expired');
"""
JOBS = """
create table xmp_jobs (
  id serial primary key,
  id_user integer not null,
  created_at timestamp not null default now(),
  run_at timestamp not null default now(),
  finished_at timestamp not null default '1970-01-01 00:00:00',
  type {type} not null {type_reference},
  status {status} not null default 'ready' {status_reference},
  file_name varchar(127) not null default '',
  log_path varchar(1023) not null default '',
  params jsonb not null default '{{}}',
  skip integer not null default 0
);
create index xmp_jobs_created_at_idx on xmp_jobs (created_at);
"""
RECORDS = """
create type retry_status as enum ('', 'pending', 'script');
create table xmp_retry_statuses (name varchar(127) not null primary key);
insert into xmp_retry_statuses values (''), ('pending'), ('script');
create table xmp_retries (
  id serial primary key,
  status varchar(127) not null default '' references xmp_retry_statuses (name),
  tid varchar(127) not null default '',
  created_at timestamp not null default now(),
  updated_at timestamp not null default now(),
  last_pay_attempt_at timestamp not null default now(),
  attempts_count integer not null default 1,
  price integer not null, keep_days integer not null, delay_hours integer not null,
  msisdn varchar(32) not null,
  operator_code integer not null, country_code integer not null, id_service integer not null,
  id_subscription integer not null, id_campaign integer not null
);
create table xmp_retries_expired (
  id serial primary key,
  status retry_status not null default '',
  tid varchar(127) not null default '',
  created_at timestamp not null default now(),
  updated_at timestamp not null default now(),
  expired_at timestamp not null default now(),
  last_pay_attempt_at timestamp not null default now(),
  attempts_count integer not null default 1,
  price integer not null, keep_days integer not null, delay_hours integer not null,
  msisdn varchar(32) not null,
  operator_code integer not null, country_code integer not null, id_service integer not null,
  id_subscription integer not null, id_campaign integer not null
);
create index xmp_retries_expired_created_at_idx on xmp_retries_expired (created_at);
create table xmp_transactions_results (name varchar(127) not null primary key);
insert into xmp_transactions_results values ('failed'), ('sms'), ('paid'), ('retry_failed'),
  ('retry_paid'), ('rejected'),
  ('expired_paid'), ('expired_failed'), ('injection_paid'), ('injection_failed');
create table xmp_transactions (
  id serial primary key,
  created_at timestamp default now(),
  sent_at timestamp not null default now(),
  tid varchar(127) not null default '',
  msisdn varchar(32) not null,
  country_code integer not null default 0, id_service integer not null default 0,
    id_campaign integer not null default 0,
  operator_code integer not null default 0, id_subscription integer not null default 0,
    id_content integer not null default 0,
  operator_token varchar(511) not null,
  price integer not null,
  result varchar(127) not null references xmp_transactions_results (name)
);
create index xmp_transactions_msisdn_idx on xmp_transactions (msisdn);
create table xmp_subscriptions_statuses (name varchar(127) not null primary key);
insert into xmp_subscriptions_statuses values (''), ('failed'), ('paid'), ('blacklisted'), ('postpaid'),
  ('rejected');
create table xmp_subscriptions (
  id serial primary key,
  tid varchar(127) not null default '',
  id_service integer not null default 0, country_code integer not null default 0,
  created_at timestamp default now(),
  sent_at timestamp not null default now(),
  updated_at timestamp not null default now(),
  msisdn varchar(32),
  operator_code integer not null default 0,
  operator_token varchar(511) not null default '',
  id_campaign integer not null default 0, attempts_count integer not null default 0,
  price integer not null,
  result varchar(127) not null default '' references xmp_subscriptions_statuses (name),
  keep_days integer not null default 10,
  last_pay_attempt_at timestamp not null default now(),
  delay_hours integer not null,
  paid_hours integer not null default 0,
  pixel varchar(511) not null default '',
  publisher varchar(511) not null default '',
  pixel_sent boolean not null default false,
  pixel_sent_at timestamp,
  days jsonb not null default '[]'
);
create table xmp_services (id serial primary key, name varchar(32), price double precision not null,
  retry_days integer);
create table xmp_operators (id serial primary key, name varchar(64), country_code integer, code integer,
  rps integer default 0);
create table xmp_operator_msisdn_prefix (id serial primary key, operator_code integer, prefix varchar(8));
create table xmp_msisdn_blacklist (id serial primary key, msisdn varchar(32));
create table xmp_msisdn_postpaid (id serial primary key, msisdn varchar(32));
create table xmp_pixel_buffer (
  id serial primary key, sent_at timestamp not null default now(), id_campaign integer not null default 0,
  tid varchar(127) not null default '', pixel varchar(511) not null default ''
);
"""
ROWS = """
insert into xmp_jobs (id_user, type, status, created_at, run_at, finished_at, log_path, params, skip) values
  (3, 'expired', 'done', '2017-02-01 09:00', '2017-02-01 10:00', '2017-02-01 10:39:20',
    '/var/log/jobs/1.log', '{"count": 5}', 0),
  (3, 'expired', 'in progress', '2017-02-02 09:00', '2017-02-02 10:00', '1970-01-01',
    '/var/log/jobs/2.log', '{"never": 1}', 700),
  (4, 'expired', 'canceled', '2017-02-03 09:00', '2017-02-03 10:00', '2017-02-03 11:00', '',
    '{"unknown": true}', 12),
  (4, 'expired', 'error', '2017-02-04 09:00', '2017-02-04 10:00', '1970-01-01', '', '{}', 0),
  (4, 'injection', 'canceled', '2017-02-05 09:00', '2017-02-05 10:00', '1970-01-01', '',
    '{"service_code": "290"}', 0);
update xmp_jobs set file_name = '20170205.csv' where type = 'injection';
insert into xmp_retries_expired (tid, created_at, last_pay_attempt_at, price, keep_days, delay_hours,
  msisdn, operator_code,
  country_code, id_service, id_subscription, id_campaign)
select 't' || n, timestamp '2017-01-31 22:00' + n * interval '30 min', '2017-02-01 10:31:44', 499, 10, 24,
  '92300000' || n % 8, 41001, 92, 290, 7000 + n, 355
from generate_series(1, 10) n;
insert into xmp_transactions (sent_at, msisdn, operator_token, price, result) values
  ('2017-02-01 00:30', '923000003', '', 499, 'paid'), ('2017-02-01 00:30', '923000004', '', 499, 'failed');
insert into xmp_subscriptions (msisdn, price, delay_hours, created_at, attempts_count)
values ('923000001', 499, 1, '2017-02-01 10:00', 0), (null, 0, 1, '2017-02-01 10:30', 2);
insert into xmp_services (id, name, price) values (290, 'games', 4.5);
insert into xmp_msisdn_blacklist (msisdn) values ('923000000077');
insert into xmp_retries (price, keep_days, delay_hours, msisdn, operator_code, country_code, id_service,
  id_subscription, id_campaign)
values (1, 1, 1, '923000001', 1, 1, 1, 1, 1);
"""
SHAPES = {
    "lookups": LOOKUPS
    + JOBS.format(
        type="varchar(127)",
        type_reference="references xmp_job_types (name)",
        status="varchar(127)",
        status_reference="references xmp_job_statuses (name)",
    )
    + RECORDS,
    "enums": ENUMS
    + JOBS.format(type="job_type", type_reference="", status="job_status", status_reference="")
    + RECORDS,
    # The days of a retry have their other name, its status is text, and the enum knows both spellings of canceled.
    "other names": ENUMS.replace("'canceled'", "'canceled', 'cancelled'")
    + JOBS.format(type="job_type", type_reference="", status="job_status", status_reference="")
    + RECORDS.replace("keep_days", "retry_days").replace("status retry_status", "status text"),
}


def rows(shape: str) -> str:
    """The statements that fill a database of this shape."""
    return ROWS.replace("keep_days", "retry_days") if shape == "other names" else ROWS
