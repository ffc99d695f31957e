-- What the engine adds: columns beside the operator's, and its own tables in schema pgjobs.
-- depends: 0001.operator-tables

alter table public.xmp_jobs
  add column if not exists finish_at timestamptz,
  add column if not exists active boolean not null default true,
  add column if not exists start_asked boolean not null default false,
  add column if not exists shards integer,
  add column if not exists callback_url text,
  -- Wider than what is allowed, so that the trigger refuses a number in a sentence before PostgreSQL does without one.
  add column if not exists priority integer not null default 5,
  add column if not exists task_id bigint,
  add column if not exists idempotency_key text,
  add column if not exists rate numeric,
  add column if not exists max_backlog bigint,
  add column if not exists stop_at timestamptz,
  add column if not exists schedule jsonb not null default '{}',
  add column if not exists budget jsonb not null default '{}',
  add column if not exists rules jsonb not null default '{}',
  add column if not exists name text,
  add column if not exists media_type text,
  add column if not exists reference_id text,
  add column if not exists custom_type text,
  add column if not exists configuration jsonb not null default '{}',
  -- Null in the rows of before, which would have to be written anew.
  add column if not exists guid uuid,
  add column if not exists submitted_by text,
  add column if not exists notes text,
  add column if not exists notify boolean not null default false,
  add column if not exists request jsonb,
  add column if not exists activated_at timestamptz,
  add column if not exists deleted_at timestamptz;
comment on column public.xmp_jobs.guid is 'How partners name the job: pgjobs.guid_of(); given when it is inserted. Null: it is older than this column.';
comment on column public.xmp_jobs.submitted_by is 'The caller of an HTTP door that created the job; null: it was inserted in another way.';
comment on column public.xmp_jobs.notes is 'Whatever people want to note of the job.';
comment on column public.xmp_jobs.notify is 'true: the callback address is also told how each operation ended.';
comment on column public.xmp_jobs.request is 'What the door was asked that created the job, for the door to show again.';
comment on column public.xmp_jobs.activated_at is 'When the job was last made active; null: it is older than this column, or never was.';
comment on column public.xmp_jobs.deleted_at is 'Since when the door that created the job shows it no longer; the job stays, with its proof.';
comment on column public.xmp_jobs.name is 'What people call the job; given by whoever inserts it, as are media_type, reference_id and custom_type.';
comment on column public.xmp_jobs.media_type is 'What kind of thing the job is about; with one, reference_id has to be given.';
comment on column public.xmp_jobs.reference_id is 'Which thing the job is about.';
comment on column public.xmp_jobs.custom_type is 'A further kind, for whoever inserts the job.';
comment on column public.xmp_jobs.configuration is 'How it is to be done, for the selector of its type; checked and frozen as params are.';
comment on column public.xmp_jobs.rules is
  'How its items end and are tried again: execution_limit, ack_limit, retry_limit, delay_to_retry, retry_results; what is not given is as the type says.';
comment on column public.xmp_jobs.task_id is 'The task that made the job; null: none. Only a task writes it.';
comment on column public.xmp_jobs.rate is 'At most so many records are published per second, by all daemons and shards together; null: as many as possible.';
comment on column public.xmp_jobs.max_backlog is
  'Nothing is published while so many messages lie ready in the target queue; null: as the type says, or without a limit.';
comment on column public.xmp_jobs.stop_at is 'Nothing is published from this moment on; what is left then is skipped with the code timed_out.';
comment on column public.xmp_jobs.schedule is 'When records may be published: window, stop_after, misfire and more; what is not given is as the type says.';
comment on column public.xmp_jobs.budget is 'What holds the job until somebody resumes it: too many errors, or the first records of a canary.';
comment on column public.xmp_jobs.priority is
  'From 0 to 10: jobs of a higher priority start first, and running ones of a lower one give up their places for them; what is due and waits gains a level each minute.';
comment on column public.xmp_jobs.run_at is 'The time the job was specified to run, not the time it ran.';
comment on column public.xmp_jobs.finish_at is 'When the job ended; null until then.';
comment on column public.xmp_jobs.active is 'false: the job is held back and not started until it is true again.';
comment on column public.xmp_jobs.shards is
  'Into how many shards the job is to be cut, so that several daemons work on it; null: as its type says. Fixed at the first start.';
comment on column public.xmp_jobs.callback_url is 'Called when this job ends; null: the address of the daemon''s settings, where it has one.';
comment on column public.xmp_jobs.idempotency_key is 'Given by whoever inserts the job: a second job with the same key is refused.';
comment on column public.xmp_jobs.start_asked is 'Somebody asked for this start: honoured even where the daemon does not start jobs on its own.';

alter table public.xmp_job_types
  add column if not exists selector    text,
  add column if not exists exchange    text not null default '',
  add column if not exists routing_key text,
  add column if not exists params      text[] not null default '{}',
  add column if not exists needs_file  boolean not null default false,
  add column if not exists shards      integer not null default 1,
  add column if not exists defaults    jsonb not null default '{}',
  add column if not exists lenient     boolean not null default false,
  add column if not exists ignores     text[] not null default '{}',
  add column if not exists skip_unended_line boolean not null default true,
  add column if not exists rate numeric,
  add column if not exists max_backlog bigint,
  add column if not exists queue text,
  add column if not exists schedule jsonb not null default '{}',
  add column if not exists budget jsonb not null default '{}',
  add column if not exists tracked boolean not null default false,
  add column if not exists format text not null default 'event',
  add column if not exists format_options jsonb not null default '{}',
  add column if not exists reply_queue text,
  add column if not exists needs_replies boolean not null default true,
  add column if not exists results text[],
  add column if not exists execution_limit interval,
  add column if not exists ack_limit interval,
  add column if not exists retry_limit integer not null default 0,
  add column if not exists delay_to_retry interval not null default '0',
  add column if not exists retry_growth numeric not null default 1,
  add column if not exists retry_results text[],
  add column if not exists fails_with text,
  add column if not exists keep_refused boolean not null default false,
  add column if not exists keep_the_last integer,
  add column if not exists doors text[] not null default '{}',
  add column if not exists title text,
  add column if not exists params_schema jsonb,
  add column if not exists applicable_to text[] not null default '{}';
comment on column public.xmp_job_types.doors is 'The HTTP doors that offer the type to their callers: operations, partner or mailings.';
comment on column public.xmp_job_types.title is 'What people call the type, where a door lists it; null: its name.';
comment on column public.xmp_job_types.params_schema is 'JSON Schema of the parameters that a caller of such a door gives; checked at the door. Null: an object of any kind.';
comment on column public.xmp_job_types.applicable_to is 'The types of entities that its operations are for; empty: any. At the partner door: the names of its templates.';
comment on column public.xmp_job_types.fails_with is
  'Which items that are not good make a job count as failed that is done: any of them, or all; null: the end of a job says nothing of its items.';
comment on column public.xmp_job_types.keep_refused is
  'true: of the records of a job, those that were not sent are kept in pgjobs.refused_records, so that another job can take them.';
comment on column public.xmp_job_types.keep_the_last is
  'Of so many jobs, the last ones that have ended for good, everything is kept for its keep time; of older ones only the row, its outcomes and its counters. Null: of all.';
comment on column public.xmp_job_types.tracked is
  'true: each record is kept as an item of pgjobs.items until its outcome is known.';
comment on column public.xmp_job_types.format is 'What its messages look like: event, plain or celery.';
comment on column public.xmp_job_types.reply_queue is 'Where its consumers answer; null: no answer comes from the broker.';
comment on column public.xmp_job_types.needs_replies is
  'true: nothing is sent while reply_queue is missing; false: it goes on, and the items end by time.';
comment on column public.xmp_job_types.results is 'The results that an answer may have; null: any.';
comment on column public.xmp_job_types.execution_limit is 'So long an attempt may last before its time is over; null: for ever.';
comment on column public.xmp_job_types.ack_limit is 'So long an attempt may last before somebody has said that he works on it; null: nobody has to.';
comment on column public.xmp_job_types.retry_limit is 'How many further attempts an item has.';
comment on column public.xmp_job_types.delay_to_retry is 'So long an item waits for its next attempt.';
comment on column public.xmp_job_types.retry_growth is
  'Each further wait is so many times as long as the one before, up to an hour; 1: all of them are as long as delay_to_retry.';
comment on column public.xmp_job_types.retry_results is 'The results after which it is tried again, ERROR_TIMEOUT among them; null: after each but a good one.';
comment on column public.xmp_job_types.rate is 'At most so many records per second of all jobs of this type together; null: no limit.';
comment on column public.xmp_job_types.queue is
  'The queue whose length max_backlog is about, where the type publishes to a named exchange; with the default exchange it is the routing key.';
comment on column public.xmp_job_types.lenient is
  'true: an empty string and count 0 in params mean "not given", as with the predecessor; false: they are refused.';
comment on column public.xmp_job_types.ignores is
  'Keys that params may have without effect, because they belong to another type; the events of the job tell it.';
comment on column public.xmp_job_types.skip_unended_line is
  'Whether the last line of a file is skipped where it has no line end, for its number may have been cut; false: it is treated as any other.';
comment on column public.xmp_job_types.selector is 'The SQL function whose statement selects the records of a job of this type.';
comment on column public.xmp_job_types.params is 'The keys that params of a job of this type may have.';

insert into public.xmp_job_types (name) values ('expired'), ('injection') on conflict (name) do nothing;

update public.xmp_job_types
set selector = 'pgjobs.expired_records', routing_key = 'mobilink_requests', ignores = '{prefix}',
    params = '{date_from,date_to,count,offset,order,never,last_charge_at,service_id,service_code,campaign_id,campaign_code,dry_run}'
where name = 'expired' and selector is null;

update public.xmp_job_types
set selector = 'pgjobs.injection_records', routing_key = 'mobilink_requests', needs_file = true,
    ignores = '{date_from,date_to,order}',
    params = '{count,offset,never,last_charge_at,service_id,service_code,campaign_id,campaign_code,prefix,dry_run}',
    defaults = '{"prefix": "92", "operator_code": 41001, "country_code": 92}'
where name = 'injection' and selector is null;

-- The predecessor keeps the end of a job in finished_at, with 1970 for "not yet".
do $$
begin
  if exists (select from pg_catalog.pg_attribute
             where attrelid = 'public.xmp_jobs'::regclass and attname = 'finished_at' and not attisdropped) then
    set local timezone = 'UTC';
    execute 'update public.xmp_jobs set finish_at = finished_at where finish_at is null and finished_at > ''1971-01-01''';
  end if;
end
$$;

insert into public.xmp_job_types (name) values ('mailing') on conflict (name) do nothing;
-- Nothing ends an attempt but an answer and the mailing's end: a message that lies in the queue must not be sent twice.
update public.xmp_job_types
set selector = 'pgjobs.mailing_records', routing_key = 'mailings', queue = 'mailings', format = 'plain', params = '{text,client_operator_code_filter,client_tag_filter}',
    tracked = true, reply_queue = 'mailing_replies', retry_limit = 1000, delay_to_retry = '10 seconds', retry_growth = 2,
    retry_results = '{GATEWAY_ERROR}', max_backlog = 200, schedule = '{"misfire": "run"}', doors = '{mailings}', title = 'Mailing'
where name = 'mailing' and selector is null;

create type pgjobs.job_params as (
  date_from      timestamptz,
  date_to        timestamptz,
  count          bigint,
  "offset"       bigint,
  descending     boolean,
  never          boolean,
  last_charge_at timestamptz,
  service_id     bigint,
  campaign_id    bigint,
  prefix         text,
  dry_run        boolean
);

create type pgjobs.window_parts as (
  days     integer,
  start    time,
  stop     time,
  zone     text,
  holidays text
);

create table pgjobs.shards (
  job_id       bigint not null,
  shard        integer not null default 0,
  epoch        bigint not null default 0,
  owner        uuid,
  lease_until  timestamptz,
  lease_check_at timestamptz,
  priority     smallint not null default 5,
  due_at       timestamptz,
  asked        boolean not null default false,
  scheduled_at timestamptz,
  yield_at     timestamptz,
  failures     integer not null default 0,
  note         text,
  prepared_at  timestamptz,
  parts        integer,
  start_key    bigint,
  first_key    bigint,
  end_key      bigint,
  estimate     bigint,
  send_limit   bigint,
  after_key    bigint,
  in_flight_to bigint,
  uncertain_to bigint,
  late_key     bigint,
  considered   bigint not null default 0,
  sent         bigint not null default 0,
  skipped      bigint not null default 0,
  returned     bigint not null default 0,
  log_bytes    bigint not null default 0,
  checkpoints  bigint not null default 0,
  started_at   timestamptz,
  claimed_at   timestamptz,
  claimed_priority smallint,
  claimed_with bigint not null default 0,
  updated_at   timestamptz,
  finished_at  timestamptz,
  error        text,
  checkpoints_cleared bigint not null default 0,
  cleared      text[],
  granted      integer not null default 0,
  zone         text,
  attempt      smallint,
  round_at     timestamptz,
  round_over   boolean not null default false,
  routed       boolean not null default false,
  repaced      boolean not null default false,
  expand       boolean not null default false,
  primary key (job_id, shard),
  constraint shards_owned_has_lease check (owner is null or lease_until is not null),
  constraint shards_accounts check (considered = sent + skipped + returned)
) with (fillfactor = 40, autovacuum_vacuum_scale_factor = 0.01, autovacuum_vacuum_cost_delay = 0);
create index shards_due_idx on pgjobs.shards (priority desc, due_at, job_id, shard)
  where owner is null and finished_at is null and due_at is not null;
create index shards_asked_idx on pgjobs.shards (priority desc, due_at, job_id, shard)
  where owner is null and finished_at is null and due_at is not null and asked;
create index shards_owner_idx on pgjobs.shards (owner) where owner is not null;
create index shards_lease_idx on pgjobs.shards (lease_check_at) where owner is not null;
create index shards_started_idx on pgjobs.shards (started_at, job_id) where shard = 0 and started_at is not null;
create index shards_round_idx on pgjobs.shards (job_id) where round_over and finished_at is null;
create index shards_exhausted_idx on pgjobs.shards (due_at) where finished_at is not null and due_at is not null;
create index shards_expand_idx on pgjobs.shards (job_id) where expand;
comment on column pgjobs.shards.expand is
  'Its items are to be written now, in the background, although it has not begun; what it had written before goes then.';
comment on column pgjobs.shards.lease_check_at is
  'When somebody looks next whether the lease has run out; it has an index, for lease_until changes with every checkpoint.';
comment on column pgjobs.shards.priority is 'The priority of the job, kept here so that one index serves a claim.';
comment on column pgjobs.shards.claimed_priority is
  'The priority that it had reached by waiting when it was claimed, which it keeps for a turn; null: its own.';
comment on column pgjobs.shards.due_at is
  'From when on the shard may be claimed; null: not now (held, finished, its job is stopped, or another shard of the job is to be claimed first).';
comment on column pgjobs.shards.asked is 'Whether daemons without autostart may claim it: its job has begun, or somebody asked for the start.';
comment on column pgjobs.shards.scheduled_at is
  'When somebody last made the job wait for its run_at: it is as late as the later of the two is past.';
comment on column pgjobs.shards.yield_at is 'When its daemon was last told to give up the place for a shard that is more urgent.';
comment on column pgjobs.shards.late_key is
  'A key that the selector gave after greater ones had been accounted for: it was never sent and lies behind the checkpoint, so the job can''t go on.';
comment on column pgjobs.shards.parts is
  'Into how many ranges of the key the selection was cut when shard 0 was prepared, so many shards there are; null until then.';
comment on column pgjobs.shards.checkpoints_cleared is 'Number of the last checkpoint whose row was cleared after its keep time.';
comment on column pgjobs.shards.cleared is
  'What else of the job was cleared after its keep time (see pgjobs.retention); without its lines or its logs it can''t be resumed.';
comment on table pgjobs.shards is 'How far each shard of a job is and who runs it; one narrow row, updated in place, no trigger.';

comment on column pgjobs.shards.attempt is
  'Where records are kept as items: which attempt of them the present round is; null: they are not.';
comment on column pgjobs.shards.round_at is 'When the present round began: it takes what was due by then.';
comment on column pgjobs.shards.round_over is 'The round is through: the shard waits for answers, and for what falls due.';
comment on column pgjobs.shards.routed is 'Whether its items have routing keys of their own.';
comment on column pgjobs.shards.zone is
  'The time zone whose records it has, where the job is cut by zone (schedule.local_time); shard 0 has all that no other one has. Null: all of its range.';
comment on column pgjobs.shards.granted is 'How many records it may publish before its next checkpoint, where something limits them.';

create table pgjobs.paces (
  what    text primary key,
  next_at timestamptz not null
) with (fillfactor = 40);
comment on table pgjobs.paces is
  'Up to which moment the rate of a job ("job 12") or of a type ("type expired") is given away: one budget for all daemons and shards.';

create table pgjobs.holds (
  job_id      bigint not null,
  kind        text not null,
  reason      text not null,
  at          timestamptz not null,
  released_at timestamptz,
  errors      bigint not null default 0,
  attempts    bigint not null default 0,
  primary key (job_id, kind)
);
comment on table pgjobs.holds is
  'Jobs that a rule of their own holds, or once held (released_at), until somebody resumes them; errors and attempts are what had been counted at the release.';

create table pgjobs.entities (
  number     bigint generated always as identity primary key,
  id         text not null unique,
  type       text not null,
  tags       text[] not null default '{}',
  attributes jsonb not null default '{}',
  constraint entities_id_named check (id ~ '[^[:space:]]' and length(id) <= 200),
  constraint entities_type_named check (type ~ '^[[:alnum:]_.-]{1,63}$'),
  constraint entities_tags_given check (array_position(tags, null) is null),
  constraint entities_attributes_object check (jsonb_typeof(attributes) = 'object')
);
create index entities_type_idx on pgjobs.entities (type, number);
create index entities_tags_idx on pgjobs.entities using gin (tags);
create index entities_attributes_idx on pgjobs.entities using gin (attributes jsonb_path_ops);
comment on table pgjobs.entities is
  'The directory: devices, clients and whatever else jobs are about. Written by people, by "pgjobs entities load" and by doors.';
comment on column pgjobs.entities.number is 'Its key in the jobs that are about it: it never changes, and none is used twice.';
comment on column pgjobs.entities.attributes is 'What else is known of it; a dotted name is nested: {"device": {"model": "X"}}.';

create table pgjobs.switch (
  singleton boolean primary key default true check (singleton),
  held      boolean not null default false,
  reason    text,
  role      text,
  at        timestamptz
);
insert into pgjobs.switch default values;
comment on table pgjobs.switch is 'The kill switch: while held is true no job publishes anything, and none begins.';

create table pgjobs.switch_holds (
  id     bigint generated always as identity primary key,
  begins timestamptz not null,
  ends   timestamptz,
  reason text not null,
  role   text not null
);
create index switch_holds_ends_idx on pgjobs.switch_holds (ends);
comment on table pgjobs.switch_holds is
  'When the kill switch was on, why, and who turned it on; ends null: it is on. Another reason begins another row.';

create table pgjobs.outcomes (
  job_id bigint not null,
  shard  integer not null,
  action text not null,
  code   text not null,
  n      bigint not null,
  primary key (job_id, shard, action, code)
) with (fillfactor = 40);
comment on table pgjobs.outcomes is 'Records of a job by what became of them; written with every checkpoint. code: empty where action is sent.';

create table pgjobs.items (
  job_id      bigint not null,
  key         bigint not null,
  launched_at timestamptz,
  acked_at    timestamptz,
  closed_at   timestamptz,
  attempts    smallint not null default 0,
  status      "char" not null default 'w',
  answer      "char",
  target      bytea,
  code        text,
  result      text,
  description text,
  steps       jsonb,
  agent       text,
  primary key (job_id, key) with (fillfactor = 100),
  constraint items_status_known check (status in ('w', 'l', 'r', 's', 'f', 't', 'c', 'x'))
) with (fillfactor = 27, autovacuum_vacuum_scale_factor = 0.05, autovacuum_vacuum_cost_delay = 0);
comment on table pgjobs.items is
  'Records whose outcome comes later. Nothing that changes has an index, so that launch and answer are updates in place; a page has room for both.';
comment on column pgjobs.items.status is
  'w: waits for its first attempt; l: launched; r: waits for its next attempt; closed are s: good; f: failed; t: by time; c: cancelled; x: refused, it never went out.';
comment on column pgjobs.items.answer is
  'The status that an answer gave it which came before the launch was accounted for: the checkpoint of the launch makes it the status. Of a closed item: G or B: the first answer that came too late was good, or not; D: it was closed by an answer that names the time-out.';

create table pgjobs.item_bodies (
  job_id       bigint not null,
  from_key     bigint not null,
  to_key       bigint not null,
  keys         bigint[] not null,
  bodies       bytea[] not null,
  routing_keys text[],
  primary key (job_id, from_key)
) with (toast_tuple_target = 4080);
comment on table pgjobs.item_bodies is
  'What the items of tracked jobs send: bodies of consecutive items in one row, for they are nearly equal and compress well (two such rows in a page). Written with the items, and never changed.';
comment on column pgjobs.item_bodies.routing_keys is 'Null where the selection gives none.';

create table pgjobs.item_counts (
  job_id bigint not null,
  slot   smallint not null,
  status "char" not null,
  n      bigint not null,
  primary key (job_id, slot, status)
) with (fillfactor = 40);
comment on table pgjobs.item_counts is
  'How many items of a job have which status: the sum over its slots, changed together with the items. Besides: S: of those that timed out, how many the stop of the job has closed; of answers that changed nothing G and B: late ones that were good or not; D: repeated ones.';

create table pgjobs.item_totals (
  type   text not null,
  status "char" not null,
  n      bigint not null
) with (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 2000, autovacuum_vacuum_cost_delay = 0);
comment on table pgjobs.item_totals is
  'How many items of all jobs of a type have which status, of the jobs that are over and still shown: the sums over all rows, which maintenance puts together. Kept for the type mailing. j: how many jobs there are, over or not.';

create table pgjobs.open_totals (
  job_id bigint primary key,
  type   text not null
);
create index open_totals_type_idx on pgjobs.open_totals (type, job_id);
comment on table pgjobs.open_totals is
  'Jobs that have begun and whose items are not in pgjobs.item_totals yet: their own counters are to be added.';

create table pgjobs.item_launches (
  job_id      bigint not null,
  shard       integer not null,
  acked       boolean not null,
  launched_at timestamptz not null,
  from_key    bigint not null,
  to_key      bigint not null,
  keys        bigint[],
  primary key (job_id, shard, acked, launched_at, from_key, to_key)
);
comment on table pgjobs.item_launches is
  'Ranges of keys that were launched together, one for each window: when their time is over, the rules say that are in force then.';
comment on column pgjobs.item_launches.acked is 'Each item of it that is open was acknowledged, so only execution_limit can end it.';
comment on column pgjobs.item_launches.keys is 'Which keys of the range it is, where it is not all of them: those of a further attempt.';

create table pgjobs.item_retries (
  job_id  bigint not null,
  key     bigint not null,
  shard   integer not null,
  attempt smallint not null,
  due_at  timestamptz not null,
  primary key (job_id, key)
);
create index item_retries_due_idx on pgjobs.item_retries (job_id, shard, due_at);
comment on table pgjobs.item_retries is 'Items that wait for a further attempt.';

create table pgjobs.item_offers (
  job_id      bigint not null,
  key         bigint not null,
  type        text not null,
  agent       text,
  lease_until timestamptz not null,
  primary key (job_id, key)
) with (fillfactor = 70);
create index item_offers_idx on pgjobs.item_offers (type, lease_until, job_id, key);
comment on table pgjobs.item_offers is
  'Items of types without a route that were launched and not closed: agents take them by pgjobs.take_items(). Nobody takes one before lease_until.';

create table pgjobs.refused_records (
  job_id bigint not null,
  key    bigint not null,
  code   text not null,
  target bytea,
  primary key (job_id, key)
);
comment on table pgjobs.refused_records is
  'Records that were not sent, of jobs whose type keeps them (keep_refused): params.source of another job takes them.';

create table pgjobs.ended_jobs (
  type   text not null,
  at     timestamptz not null,
  job_id bigint not null,
  primary key (type, at, job_id)
);
comment on table pgjobs.ended_jobs is
  'Jobs that have ended for good, of types that keep the last ones alone (keep_the_last), until what was kept of them is cleared.';

create table pgjobs.cancellations (
  job_id    bigint primary key,
  at        timestamptz not null,
  after_key bigint,
  closed_at timestamptz
);
create index cancellations_open_idx on pgjobs.cancellations (job_id) where closed_at is null;
comment on table pgjobs.cancellations is
  'Jobs that are cancelled for good: they are never resumed, and their open items are closed, in the order of their keys. closed_at: that is done.';

create table pgjobs.events (
  id          bigint generated always as identity primary key,
  job_id      bigint not null,
  at          timestamptz not null,
  from_status text,
  to_status   text,
  role        text not null,
  application text,
  actor       text,
  reason      text,
  pause       text
);
comment on column pgjobs.events.pause is
  'paused: somebody made the job inactive; held: a rule of its own did; resumed: it became active again; lost: a daemon that ran it was heard of for the last time (at); null: it is about something else.';
comment on column pgjobs.events.role is 'The role that logged in.';
comment on column pgjobs.events.actor is
  'On whose behalf the role acted, as the web process says of its callers ("token cms-1", "http from 10.0.0.7") and a daemon of itself ("daemon host-1"); null: on its own.';
create index events_job_idx on pgjobs.events (job_id, id);
create index events_lost_idx on pgjobs.events (job_id, id) where pause = 'lost';
comment on table pgjobs.events is 'Every transition of every job, and remarks (to_status null); only ever appended to.';

create table pgjobs.uncertain_ranges (
  job_id   bigint not null,
  shard    integer not null,
  epoch    bigint not null,
  from_key bigint,
  to_key   bigint not null,
  at       timestamptz not null,
  primary key (job_id, shard, epoch, to_key)
);
comment on table pgjobs.uncertain_ranges is 'Ranges of keys that were in flight when an owner was lost: sent again, marked as maybe duplicate.';

create table pgjobs.log_segments (
  job_id  bigint not null,
  shard   integer not null,
  segment integer not null,
  epoch   bigint not null,
  host    text not null,
  path    text not null,
  bytes   bigint not null default 0,
  remove_asked_at timestamptz,
  removed_at      timestamptz,
  primary key (job_id, shard, segment)
);
create index log_segments_remove_idx on pgjobs.log_segments (host) where remove_asked_at is not null and removed_at is null;
comment on column pgjobs.log_segments.remove_asked_at is 'Since when the daemon of this host is to remove the file.';
comment on table pgjobs.log_segments is 'Files of a job''s log in order; each is authoritative up to bytes.';

create table pgjobs.checkpoints (
  job_id   bigint not null,
  shard    integer not null,
  number   bigint not null,
  epoch    bigint not null,
  at       timestamptz not null,
  last_key bigint not null,
  sent     bigint not null,
  skipped  bigint not null,
  returned bigint not null,
  bytes    bigint not null,
  chain    bytea not null,
  checks   bytea not null,
  confirm_ms integer,
  backlog  bigint,
  primary key (job_id, shard, number)
);
comment on column pgjobs.checkpoints.confirm_ms is
  'Milliseconds from the moment at which its window was written to its last confirm; null: nothing was published.';
comment on column pgjobs.checkpoints.backlog is
  'How many messages lay ready in the target queue when its window was let go; null: nobody asked, because no max_backlog limits the job.';
comment on table pgjobs.checkpoints is
  'What each checkpoint accounted for: counts of its window, length of the log behind it, SHA-256 of its lines chained to the one before, and a short check of every line.';

create table pgjobs.daemons (
  id         uuid primary key,
  name       text not null,
  host       text not null,
  pid        integer not null,
  version    text not null,
  started_at timestamptz not null,
  seen_at    timestamptz not null,
  broker     text not null default '',
  has_place  boolean not null default true,
  autostart  boolean not null default true,
  broker_at  timestamptz,
  metrics    jsonb not null default '{}',
  metrics_address text not null default '',
  replies    jsonb not null default '{}'
) with (fillfactor = 40);
comment on table pgjobs.daemons is 'Heartbeats of the daemons, with a few numbers of each of them.';
comment on column pgjobs.daemons.broker_at is 'Since when the broker is in the state that is told; null: since the daemon was first heard of.';
comment on column pgjobs.daemons.metrics is
  'Numbers by name, as the daemon measured them at its last heartbeat: what pgjobs.alerts and doctor need without Prometheus. All it measures is at metrics_address.';
comment on column pgjobs.daemons.metrics_address is 'Where its metrics are for Prometheus, as 127.0.0.1:50304; empty: nowhere.';
comment on column pgjobs.daemons.has_place is 'Whether its last claim has left a place free, so that it can take what others leave.';
comment on column pgjobs.daemons.replies is 'Reply queues from which it can take no answers, each with the words of the broker.';

create table pgjobs.injection_lines (
  job_id  bigint not null,
  line_no bigint not null,
  raw     bytea not null,
  msisdn  text not null,
  fault   text,
  fault_detail text,
  earlier_line bigint,
  primary key (job_id, line_no)
);
comment on column pgjobs.injection_lines.fault is 'The code of a line that could not be read.';
comment on column pgjobs.injection_lines.earlier_line is 'The last line before this one with the same msisdn, where there is one.';
comment on table pgjobs.injection_lines is
  'The lines of an injection file, read once when its job first runs; or the items of a partner''s payload, with line 0 for what each of them is sent with.';

create table pgjobs.file_loads (
  job_id bigint primary key
);
comment on table pgjobs.file_loads is 'Jobs whose file is being read, or whose items are being written, at this moment: a row that only that transaction ever sees.';

create table pgjobs.idempotency_keys (
  key    text primary key,
  job_id bigint not null
);
comment on table pgjobs.idempotency_keys is
  'Which job has which idempotency key. A table of its own, so that a second job with a key is refused with one sentence, whoever comes first and whether or not the operator''s table can be indexed.';
insert into pgjobs.idempotency_keys (key, job_id)
select j.idempotency_key, min(j.id) from public.xmp_jobs j where j.idempotency_key is not null group by j.idempotency_key;

create table pgjobs.callback_state (
  singleton boolean primary key default true check (singleton),
  wanted    boolean not null,
  seen_at   timestamptz not null,
  hosts     text[]
);
comment on table pgjobs.callback_state is
  'Whether the daemons have a callback address, and when one of them last said so; without one nothing is kept to be told.';
comment on column pgjobs.callback_state.hosts is 'Whom jobs may name in callback_url, as the daemons'' settings have it; null: no daemon has said so yet.';

create table pgjobs.callbacks (
  id         bigint generated always as identity primary key,
  job_id     bigint not null,
  status     text not null,
  created_at timestamptz not null,
  due_at     timestamptz not null,
  attempts   integer not null default 0,
  closed_at  timestamptz,
  answer     text,
  host       text not null default '',
  in_flight_until timestamptz,
  posts      boolean not null default false,
  keys       bigint[]
);
comment on column pgjobs.callbacks.posts is 'true: told by POST, as JSON, see pgjobs.callback_body(); false: by GET.';
comment on column pgjobs.callbacks.keys is 'Which operations have ended; null: the callback is about the end of the job.';
comment on column pgjobs.callbacks.host is 'Host of the job''s own callback_url; empty: the address of the daemon''s settings.';
comment on column pgjobs.callbacks.in_flight_until is 'Until then a call of this row may be on its way, and no other of its job is begun.';
create index callbacks_job_idx on pgjobs.callbacks (job_id);
create index callbacks_closed_idx on pgjobs.callbacks (closed_at) where closed_at is not null;
create index callbacks_open_idx on pgjobs.callbacks (due_at) where closed_at is null;
-- A job may have thousands of callbacks behind it.
create index callbacks_open_job_idx on pgjobs.callbacks (job_id) where closed_at is null;
-- Of one job one callback about its operations is open at a time: two daemons never gather for the same one.
create unique index callbacks_operations_idx on pgjobs.callbacks (job_id) where keys is not null and closed_at is null;
create index callbacks_in_flight_idx on pgjobs.callbacks (job_id) where in_flight_until is not null;
comment on table pgjobs.callbacks is 'The outbox: what others are to be told about ended jobs, and about the ended operations of jobs that notify.';

create table pgjobs.callback_attempts (
  callback_id bigint not null references pgjobs.callbacks (id) on delete cascade,
  attempt         integer not null,
  at              timestamptz not null,
  url             text not null,
  http_status     integer,
  error           text,
  milliseconds    integer not null,
  primary key (callback_id, attempt)
);

create table pgjobs.ended_items (
  id     bigint generated always as identity primary key,
  job_id bigint not null,
  at     timestamptz not null,
  keys   bigint[] not null
);
create index ended_items_job_idx on pgjobs.ended_items (job_id, id);
comment on table pgjobs.ended_items is
  'Which items have ended of jobs that notify, in parts of a hundred at most, until pgjobs.gather_callbacks() puts them into the outbox. Written by whoever closes the items.';

create table pgjobs.api_requests (
  id          bigint generated always as identity primary key,
  selector    text not null,
  exchange    text not null default '',
  routing_key text not null,
  params      jsonb not null,
  asked_at    timestamptz not null,
  expires_at  timestamptz not null,
  owner       uuid,
  lease_until timestamptz,
  published   bigint,
  error       text,
  closed_at   timestamptz,
  role        text not null,
  application text,
  actor       text
);
comment on column pgjobs.api_requests.actor is 'On whose behalf the role asked, as in pgjobs.events.';
create index api_requests_asked_idx on pgjobs.api_requests (asked_at);
create index api_requests_open_idx on pgjobs.api_requests (id) where closed_at is null;
comment on table pgjobs.api_requests is 'Calls of /api: short publications that answer with a number and never show up in job history.';

create table pgjobs.tasks (
  id           bigint generated always as identity primary key,
  name         text not null default '',
  description  text not null default '',
  active       boolean not null default true,
  type         text not null,
  params       jsonb not null default '{}',
  file_name    text not null default '',
  priority     integer not null default 5,
  id_user      integer not null default 0,
  shards       integer,
  callback_url text,
  rate         numeric,
  max_backlog  bigint,
  schedule     jsonb not null default '{}',
  budget       jsonb not null default '{}',
  rules        jsonb not null default '{}',
  media_type   text,
  reference_id text,
  custom_type  text,
  configuration jsonb not null default '{}',
  notify       boolean not null default false,
  notes        text,
  request      jsonb,
  submitted_by text,
  starts_at    timestamptz not null,
  stops_at     timestamptz,
  most_runs    bigint,
  repeating    jsonb not null,
  created_at   timestamptz not null
);
comment on table pgjobs.tasks is 'What is to be done again and again: each row makes its jobs, one for each occasion. Written by people.';
comment on column pgjobs.tasks.active is 'false: the task is paused, and its job that waits is held back.';
comment on column pgjobs.tasks.type is 'From here to submitted_by: what each job gets, as in xmp_jobs; its name likewise.';
comment on column pgjobs.tasks.request is 'As in xmp_jobs. The entities that it lists are appended to each job when it is made.';
comment on column pgjobs.tasks.starts_at is 'No occasion comes before; a period counts from here. Left out: now.';
comment on column pgjobs.tasks.stops_at is 'No occasion comes at this moment or later; null: it goes on.';
comment on column pgjobs.tasks.most_runs is 'How many jobs it makes; null: it goes on.';
comment on column pgjobs.tasks.repeating is 'A period, {"period": {"each": 5, "unit": "MINUTES"}}, or a pattern, {"pattern": {"time": "22:44", "zone": "Europe/Madrid", "daily": {}}}.';

create table pgjobs.task_progress (
  task_id       bigint primary key,
  runs          bigint not null default 0,
  last_occasion timestamptz,
  occasion      timestamptz,
  job_id        bigint,
  check_at      timestamptz,
  finished_at   timestamptz,
  trouble       text
) with (fillfactor = 40);
create index task_progress_check_idx on pgjobs.task_progress (check_at) where check_at is not null;
create index task_progress_finished_idx on pgjobs.task_progress (finished_at, task_id) where finished_at is not null;
comment on table pgjobs.task_progress is
  'How far each task is. Apart from the tasks, so that the start of a job never waits for somebody who is changing its task.';
comment on column pgjobs.task_progress.job_id is 'The job that waits for the next occasion; it stands for its task until it starts or ends.';
comment on column pgjobs.task_progress.check_at is 'When the elected daemon looks at the task: at its occasion, or soon after trouble.';
comment on column pgjobs.task_progress.finished_at is 'Since when no job of it waits and there will be none; null: it goes on.';

create table pgjobs.task_runs (
  task_id  bigint not null,
  occasion timestamptz not null,
  job_id   bigint not null unique,
  primary key (task_id, occasion)
);
comment on table pgjobs.task_runs is 'Which job was made for which occasion of a task: one for each. Goes with its job.';

create table pgjobs.job_counts (
  type    text not null,
  status  text not null,
  jobs    bigint not null,
  entered bigint not null default 0
) with (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 2000, autovacuum_vacuum_cost_delay = 0);
comment on table pgjobs.job_counts is
  'Numbers of jobs by type and status: the sums over all rows. A transition adds rows, and maintenance puts them together.';
comment on column pgjobs.job_counts.jobs is 'How many jobs more (or less) are in this status.';
comment on column pgjobs.job_counts.entered is 'How many jobs have come to this status.';

create table pgjobs.gauges (
  name         text primary key,
  help         text not null,
  value        double precision,
  refreshed_at timestamptz
);
insert into pgjobs.gauges (name, help) values
  ('pending_subscriptions_count', 'Subscriptions without a result for over an hour.'),
  ('pending_retries_count', 'Retries that wait for their turn.'),
  ('blacklisted_count', 'Blacklisted msisdns.'),
  ('postpaid_count', 'Postpaid msisdns.'),
  ('buffer_pixels_count', 'Pixels in the buffer.'),
  ('actual_db_size_bytes', 'Size of this database.'),
  ('capacity_db_size_bytes', 'Size this database is allowed to have.');

create table pgjobs.maintenance (
  singleton    boolean primary key default true check (singleton),
  daemon       uuid,
  lease_until  timestamptz,
  lines_after  bigint not null default 0,
  recounted_at timestamptz
);
insert into pgjobs.maintenance default values;
comment on table pgjobs.maintenance is 'Which daemon does the chores of this database, and how far it has come with them.';

create table pgjobs.retention (
  what    text primary key,
  keep    interval constraint retention_keep_known check (keep between interval '1 day' and interval '1000 years'),
  about   text not null,
  done_to timestamptz not null default '-infinity',
  done_id bigint not null default 0,
  next_at timestamptz not null default '-infinity',
  cleared bigint not null default 0,
  trouble text
);
insert into pgjobs.retention (what, keep, about) values
  ('callbacks', '30 days', 'callbacks that are closed, with their attempts; counted from their end'),
  ('events', '1 year', 'events of jobs that are done or deleted; those of other jobs stay'),
  ('switch_holds', '1 year', 'when the kill switch was on; counted from its release'),
  ('checkpoints', '90 days', 'checkpoints of ended jobs, which verify needs; counted from the end of the job'),
  ('lines', '90 days', 'lines of injection files, and payloads of partners, of jobs that were stopped or broke off; without them such a job can''t be resumed'),
  ('uncertain_ranges', '1 year', 'uncertain ranges of jobs that are done; counted from the end of the job'),
  ('api_requests', '1 day', 'requests of /api'),
  ('requests', '1 day', 'answers that are kept for an Idempotency-Key'),
  ('tasks', '1 year', 'tasks that are finished; counted from their last job''s start or end. Their jobs stay'),
  ('outcomes', null, 'outcomes of jobs that are done; counted from the end of the job'),
  ('items', '90 days', 'items of jobs that are done; counted from the end of the job'),
  ('logs', null, 'log files of ended jobs, removed by the daemon of their host; without them a job can''t be resumed'),
  ('jobs', null, 'ended jobs with everything of them; where logs are not kept for ever, after their log files');
comment on table pgjobs.retention is
  'How long what is kept: keep null means for ever, or as long as its job. Changed by pgjobs.set_retention(); the elected daemon clears what is older.';
comment on column pgjobs.retention.done_to is 'Up to which end of jobs, or of tasks, it was cleared; with done_id the position in the table.';
comment on column pgjobs.retention.cleared is 'How many rows were cleared so far.';

create table pgjobs.holidays (
  calendar text not null constraint holidays_calendar_named check (calendar ~ '^[[:alnum:]_.-]{1,63}$'),
  day      date not null constraint holidays_day_finite check (isfinite(day)),
  name     text not null default '',
  primary key (calendar, day)
);
comment on table pgjobs.holidays is 'Days without a window, for the windows of schedules that name their calendar.';

create table pgjobs.tokens (
  name       text primary key,
  sha256     bytea not null unique,
  scopes     text[] not null,
  record     jsonb not null default '{}',
  created_at timestamptz not null,
  expires_at timestamptz
);
comment on table pgjobs.tokens is 'Tokens of the HTTP doors, stored hashed.';
comment on column pgjobs.tokens.scopes is 'What its holder may do, see pgjobs.known_scopes().';
comment on column pgjobs.tokens.record is 'What else is known of its holder, for doors that tell it: org_name, user_id and the like.';

create table pgjobs.requests (
  id     bigint generated always as identity primary key,
  actor  text not null,
  key    text not null,
  digest text not null,
  answer jsonb,
  at     timestamptz not null,
  unique (actor, key)
);
create index requests_at_idx on pgjobs.requests (at);
comment on table pgjobs.requests is
  'Requests of HTTP doors that have created something under an Idempotency-Key, and what they were answered: the same request gets the same answer again.';
comment on column pgjobs.requests.digest is 'Of the whole request: another one with the same key is refused.';

create table pgjobs.schema_state (
  singleton   boolean primary key default true check (singleton),
  fingerprint text not null,
  applied_at  timestamptz not null,
  version     text not null,
  compatible_from text not null,
  triggers    text,
  functions   jsonb not null,
  rights      jsonb not null default '[]'
);
comment on column pgjobs.schema_state.rights is
  'The rights of the owner and of the roles of pgjobs as sql/access.sql made them: [role, privilege, thing], see pgjobs.rights_in_force().';
comment on column pgjobs.schema_state.functions is 'Digest of each function as it was applied, see pgjobs.function_digests().';
comment on column pgjobs.schema_state.version is 'The version of pgjobs whose functions are in force; an older one refuses to migrate, a newer one to work.';
comment on column pgjobs.schema_state.compatible_from is 'The oldest version of daemon, web and commands that works with these functions.';
comment on column pgjobs.schema_state.triggers is 'Fingerprint of the files of triggers in force; while it is the same they are not made anew, for that locks the operator''s tables.';
comment on table pgjobs.schema_state is 'Which function files are in force, and which versions of pgjobs may work with them.';

create table pgjobs.agents (
  name       text primary key,
  about      text,
  types      text[] not null default '{}',
  host       text,
  pid        integer,
  started_at timestamptz,
  seen_at    timestamptz,
  holds      integer not null default 0,
  leaving    boolean not null default false,
  trouble    text
) with (fillfactor = 40);
comment on column pgjobs.agents.trouble is 'What keeps it from working, as its last beat said; null: nothing that it knows of.';
comment on column pgjobs.agents.about is
  'What it is responsible for, written by people; such an agent is never forgotten. Null: an agent that is known by its beats alone.';
comment on column pgjobs.agents.started_at is 'When the process of its last beat began to beat; null: it has never been heard of.';
comment on column pgjobs.agents.holds is 'How many messages it held at its last beat.';
comment on column pgjobs.agents.leaving is 'Its last beat said that it ends.';
comment on table pgjobs.agents is 'Consumers of tracked jobs, by their heartbeats.';

create table pgjobs.queue_depths (
  queue       text primary key,
  ready       bigint,
  consumers   integer,
  measured_at timestamptz not null,
  trouble     text
) with (fillfactor = 40);
comment on column pgjobs.queue_depths.ready is 'How many messages lay ready; null: the broker did not say it, see trouble.';
comment on table pgjobs.queue_depths is
  'How long the queues of the registered types were when the elected daemon measured them last, every few seconds; a row for each queue, and none for one that was not measured for a day.';

create table pgjobs.reply_faults (
  kind    text primary key,
  n       bigint not null,
  last_at timestamptz not null,
  sample  text
) with (fillfactor = 40);
comment on table pgjobs.reply_faults is 'Messages on reply queues that could not be used, counted by what is wrong with them; sample is the beginning of the last one.';
