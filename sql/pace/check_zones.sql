-- Reads: pg_proc, pg_namespace   Writes: nothing
create or replace function pgjobs.check_zones(_tracked boolean, _selector text, _table text)
returns void
language plpgsql
stable
set search_path = pg_catalog, pg_temp
as $$
begin
  if _tracked and pgjobs.trusted_selector(_selector || '_zone_ranges', '{bigint}', _needed => false) is null then
    perform pgjobs.refuse_field('schedule.local_time',
      format('the type is tracked, and there is no function %s_zone_ranges(bigint) that says in which range of the keys which zone counts', _selector),
      'create it as the contract of a selector says, or leave local_time out', _table);
  elsif not _tracked and pgjobs.trusted_selector(_selector || '_zones', '{bigint}', _needed => false) is null then
    perform pgjobs.refuse_field('schedule.local_time', format('there is no function %s_zones(bigint), so nobody knows the zones of the records', _selector),
      'create it as the contract of a selector says, or leave local_time out', _table);
  end if;
end;
$$;
comment on function pgjobs.check_zones(boolean, text, text) is
  'Refuses (PJ400) local_time where the selector does not say in which zone which record counts: those of a tracked type by ranges of the key, others one by one.';
