-- Reads: entities, the time zone data of PostgreSQL   Writes: nothing
create or replace function pgjobs.client_zones()
returns table (timezone text, slot bigint)
language sql
stable
security definer
set search_path = pg_catalog, pg_temp
as $$
  select d.timezone, 1000 + case when pgjobs.is_zone(d.timezone) then
      extract(epoch from (pgjobs.now() at time zone pgjobs.zone_name(d.timezone)) - (pgjobs.now() at time zone 'UTC'))::bigint / 60 else 0 end
  from (select distinct coalesce(e.attributes ->> 'timezone', '') from pgjobs.entities e where e.type = 'client') d (timezone);
$$;
comment on function pgjobs.client_zones() is
  'What clients say of their timezone, each with its present offset from UTC in minutes, to which 1000 is added (slot); what is no zone has the one of UTC.';
