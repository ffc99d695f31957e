-- Ranges of records that may have been sent twice.
create or replace view pgjobs.job_uncertain as
select u.job_id, u.shard, u.epoch, u.from_key as after_key, u.to_key, u.at
from pgjobs.uncertain_ranges u;
comment on view pgjobs.job_uncertain is
  'Ranges of keys (after_key exclusive, to_key inclusive, in the job''s order) that were in flight when their owner was lost or their broker confirmed nothing; they are listed once their shard is taken again, and sent again with the same message ids and the header x-maybe-duplicate.';
