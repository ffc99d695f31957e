delete from pgjobs.uncertain_ranges u
using pgjobs.uncertain_ranges o
where o.job_id = u.job_id and o.shard = u.shard and o.epoch = u.epoch and o.to_key > u.to_key;
alter table pgjobs.uncertain_ranges drop constraint uncertain_ranges_pkey;
alter table pgjobs.uncertain_ranges add constraint uncertain_ranges_pkey primary key (job_id, shard, epoch);
alter table pgjobs.progress drop column if exists late_key;
