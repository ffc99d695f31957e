-- Ranges of records that may have been sent, or sent twice.
create or replace view pgjobs.job_uncertain as
select u.job_id, u.shard, u.epoch, u.from_key as after_key, u.to_key, u.at
from pgjobs.uncertain_ranges u
union all
-- What the last owner left in flight; whoever takes the shard next notes it, and it may be that nobody ever does.
select p.job_id, p.shard, p.epoch, p.after_key, p.in_flight_to, coalesce(p.lease_until, p.updated_at, p.claimed_at)
from pgjobs.shards p
where p.in_flight_to is distinct from p.after_key and (p.owner is null or p.lease_until < clock_timestamp())
  and not exists (
    select from pgjobs.uncertain_ranges u
    where u.job_id = p.job_id and u.shard = p.shard and u.epoch = p.epoch and u.to_key = p.in_flight_to);
comment on view pgjobs.job_uncertain is
  'Ranges of keys (after_key exclusive, to_key inclusive, in the job''s order) that were in flight when their owner was lost, their job was stopped or their broker confirmed nothing. They are listed once nobody runs the shard. Where the job goes on they are sent again with the same message ids and the header x-maybe-duplicate; where it does not, they may have been sent or not.';
