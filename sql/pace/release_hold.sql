-- Reads: shards, outcomes   Writes: holds
create or replace function pgjobs.release_hold()
returns trigger
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  update pgjobs.holds h
  set released_at = pgjobs.now(),
      errors = coalesce(c.errors, 0), attempts = coalesce(c.errors + c.published, 0)
  from (
    select sum(p.sent + p.returned) as published,
           sum(p.returned) + (select coalesce(sum(o.n), 0) from pgjobs.outcomes o
                              where o.job_id = new.id and o.action = 'skip' and o.code in ('empty', 'too_large')) as errors
    from pgjobs.shards p where p.job_id = new.id) c
  where h.job_id = new.id and h.released_at is null;
  return null;
end;
$$;
comment on function pgjobs.release_hold() is
  'Trigger: a job that is active again is held by none of its rules; its errors are counted anew from here.';
