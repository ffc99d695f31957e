-- Reads: xmp_jobs, items   Writes: nothing
create or replace function pgjobs.message_keys(_job_id bigint, _client bigint)
returns bigint[]
language sql
stable
set search_path = pg_catalog, pg_temp
as $$
  select case when j.schedule ? 'local_time' then array(
      select ((r.last_key >> 40) << 40) + _client from pgjobs.mailing_records_zone_ranges(_job_id) r where _client between 0 and 1099511627775)
    else array[_client] end
  from public.xmp_jobs j where j.id = _job_id;
$$;
comment on function pgjobs.message_keys(bigint, bigint) is
  'The keys that the message of a mailing to this client may have: one, or where local time counts one for each offset.';
