-- What a type allows: whether empty values are read as the predecessor did, whether its jobs may be cut into shards,
-- which keys of params are accepted without effect. Events may also be remarks: no transition, only a reason.
-- depends: 0006.look-ups-by-bytes

alter table public.xmp_job_types
  add column if not exists lenient   boolean not null default false,
  add column if not exists shardable boolean not null default false,
  add column if not exists ignores   text[] not null default '{}';
comment on column public.xmp_job_types.lenient is
  'true: an empty string and count 0 in params mean "not given", as with the predecessor; false: they are refused.';
comment on column public.xmp_job_types.shardable is
  'Whether jobs may be cut into shards: true only where the selector selects by pgjobs.shard_filter.';
comment on column public.xmp_job_types.ignores is
  'Keys that params may have without effect, because they belong to another type; the events of the job tell it.';

update public.xmp_job_types set shardable = true
where selector in ('pgjobs.expired_records', 'pgjobs.injection_records') and not shardable;
update public.xmp_job_types set ignores = '{prefix}'
where selector = 'pgjobs.expired_records' and ignores = '{}';
update public.xmp_job_types set ignores = '{date_from,date_to,order}'
where selector = 'pgjobs.injection_records' and ignores = '{}';

alter table pgjobs.events alter column to_status drop not null;
comment on table pgjobs.events is 'Every transition of every job, and remarks (to_status null); only ever appended to.';
