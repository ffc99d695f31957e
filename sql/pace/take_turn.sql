-- Reads: nothing   Writes: paces
create or replace function pgjobs.take_turn(_job_id bigint, _type text)
returns void
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
as $$
begin
  insert into pgjobs.paces (what, next_at)
  select w.what, pgjobs.now() from (values ('job ' || _job_id), ('type ' || _type)) w (what) where w.what is not null
  on conflict do nothing;
  -- The job before the type, everywhere: nobody waits in a circle.
  perform from pgjobs.paces p where p.what = 'job ' || _job_id for update;
  perform from pgjobs.paces p where p.what = 'type ' || _type for update;
end;
$$;
comment on function pgjobs.take_turn(bigint, text) is
  'Lets the shards of a job, and where a type is given all its jobs, be granted records one after another until the end of the transaction: each sees what the ones before were granted.';
