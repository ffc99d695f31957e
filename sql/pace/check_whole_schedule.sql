-- Reads: pg_proc, pg_namespace   Writes: nothing
create or replace function pgjobs.check_whole_schedule(_schedule jsonb, _stop_at timestamptz, _selector text, _table text default 'public.xmp_jobs')
returns void
language plpgsql
stable
set search_path = pg_catalog, pg_temp
as $$
declare
  _local constant text := 'schedule.local_time';
begin
  if _schedule ? 'scattering' and _stop_at is null and not _schedule ? 'stop_after' then
    perform pgjobs.refuse_field('schedule.scattering', 'there is no end, so there is no time to spread over',
      case _table when 'public.xmp_jobs' then 'give stop_at, or schedule.stop_after, or leave scattering out'
                  else 'give schedule.stop_after, or leave scattering out' end, _table);
  end if;
  if _schedule -> 'local_time' = 'true' then
    if not _schedule ? 'window' then
      perform pgjobs.refuse_field(_local, 'there is no window that could count in the zone of each recipient',
        'give schedule.window, or leave local_time out', _table);
    end if;
    if _schedule ? 'scattering' then
      perform pgjobs.refuse_field(_local, 'what is scattered has one window for all recipients', 'leave out local_time or scattering', _table);
    end if;
    if pgjobs.trusted_selector(_selector || '_zones', '{bigint}', _needed => false) is null
       and pgjobs.trusted_selector(_selector || '_zone_ranges', '{bigint}', _needed => false) is null then
      perform pgjobs.refuse_field(_local, format('there is no function %s_zones(bigint), so nobody knows the zones of the records', _selector),
        'create it as the contract of a selector says, or leave local_time out', _table);
    end if;
  end if;
end;
$$;
comment on function pgjobs.check_whole_schedule(jsonb, timestamptz, text, text) is
  'Refuses keys of a schedule that need each other, or something else of the job or its type: scattering an end, local_time a window and a selector that knows the zones. Of a job: its schedule together with the one of its type.';
