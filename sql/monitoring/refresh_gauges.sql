-- Reads: the operator's tables, pg_class   Writes: gauges
create or replace function pgjobs.refresh_gauges(_capacity_bytes double precision, _every interval)
returns boolean
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
set timezone = 'UTC'
as $$
begin
  -- One named row is the turn: an advisory lock could be held by anybody who may connect.
  perform from pgjobs.gauges g where g.name = (select min(x.name) from pgjobs.gauges x) for update skip locked;
  if not found
     or exists (select from pgjobs.gauges g where g.refreshed_at > clock_timestamp() - _every) then
    return false;
  end if;
  update pgjobs.gauges g
  set refreshed_at = clock_timestamp(),
      value = case g.name
        when 'pending_subscriptions_count' then (
          select count(*) from public.xmp_subscriptions s where s.result = '' and s.created_at < clock_timestamp() - interval '1 hour')
        when 'pending_retries_count' then pgjobs.count_rows('public.xmp_retries')
        when 'blacklisted_count' then pgjobs.count_rows('public.xmp_msisdn_blacklist')
        when 'postpaid_count' then pgjobs.count_rows('public.xmp_msisdn_postpaid')
        when 'buffer_pixels_count' then pgjobs.count_rows('public.xmp_pixel_buffer')
        when 'actual_db_size_bytes' then pg_database_size(current_database())
        when 'capacity_db_size_bytes' then _capacity_bytes
        else g.value
      end;
  return true;
end;
$$;
comment on function pgjobs.refresh_gauges(double precision, interval) is
  'Refreshes the business gauges, by one daemon at a time and not more often than asked; false when it was not its turn.';
