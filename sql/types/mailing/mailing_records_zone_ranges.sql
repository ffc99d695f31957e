-- Reads: items   Writes: nothing
create or replace function pgjobs.mailing_records_zone_ranges(job bigint)
returns table (zone text, last_key bigint)
language sql
stable
set search_path = pg_catalog, pg_temp
as $$
  -- From one slot that the job has to the next one, by the key.
  with recursive present (slot) as (
    (select i.key >> 40 from pgjobs.items i where i.job_id = job order by i.key limit 1)
    union all
    select (select i.key >> 40 from pgjobs.items i where i.job_id = job and i.key >= (p.slot + 1) << 40 order by i.key limit 1)
    from present p where p.slot is not null
  )
  select format('%s%s:%s', case when p.slot < 1000 then '-' else '+' end, lpad((abs(p.slot - 1000) / 60)::text, 2, '0'), lpad((abs(p.slot - 1000) % 60)::text, 2, '0')),
         ((p.slot + 1) << 40) - 1
  from present p
  where p.slot is not null;
$$;
comment on function pgjobs.mailing_records_zone_ranges(bigint) is
  'The offsets from UTC of a mailing in which local time counts, each with the greatest key that its items may have.';
