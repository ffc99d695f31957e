-- A record that came late lies behind the checkpoint for good; and a shard may have several uncertain ranges in one epoch.
-- depends: 0006.look-ups-by-bytes

alter table pgjobs.progress add column if not exists late_key bigint;
comment on column pgjobs.progress.late_key is
  'A key that the selector gave after greater ones had been accounted for: it was never sent and lies behind the checkpoint, so the job can''t go on.';

alter table pgjobs.uncertain_ranges drop constraint uncertain_ranges_pkey;
alter table pgjobs.uncertain_ranges add constraint uncertain_ranges_pkey primary key (job_id, shard, epoch, to_key);
