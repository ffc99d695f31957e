-- Reads: entities, items   Writes: nothing
create or replace function pgjobs.unknown_timezones(_job_id bigint)
returns bigint
language sql
stable
set search_path = pg_catalog, pg_temp
as $$
  with odd (timezone) as materialized (
    select d.timezone
    from (select distinct coalesce(e.attributes ->> 'timezone', '') from pgjobs.entities e where e.type = 'client') d (timezone)
    where not pgjobs.is_zone(d.timezone)
  )
  -- Such a client is sent to by the clock of UTC, and so is its key.
  select count(*)
  from odd o
  join pgjobs.entities e on e.type = 'client' and coalesce(e.attributes ->> 'timezone', '') = o.timezone
  join pgjobs.items i on i.job_id = _job_id and i.key = (1000::bigint << 40) + e.number;
$$;
comment on function pgjobs.unknown_timezones(bigint) is
  'How many recipients of a mailing in which local time counts have a timezone that nobody knows, so that the clock of UTC counts for them: of the clients that there are now. It reads all clients.';
