-- Reads: shards   Writes: nothing
create or replace function pgjobs.turn_delay(_job_id bigint, _type_rate numeric)
returns interval
language sql
stable
set search_path = pg_catalog, pg_temp
as $$
  -- A rate keeps 0.8 s of unused time, so this costs nothing of it.
  select coalesce((
    select interval '0.4 s' / (1 + _type_rate * greatest(0, pgjobs.seconds_between(max(p.updated_at), clock_timestamp())))::double precision
    from pgjobs.shards p
    where p.job_id = _job_id and (p.considered > 0 or p.granted > 0)
    having count(*) > 0), '0');
$$;
comment on function pgjobs.turn_delay(bigint, numeric) is
  'How much later than the next record of its type is due a job looks for it that is parked until then: the less the longer it has published nothing, and none before its first record, so that jobs of one type take turns.';
