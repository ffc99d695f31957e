-- Reads: xmp_jobs, events   Writes: nothing
create or replace function pgjobs.page_events(_id bigint, _before bigint, _limit bigint)
returns jsonb
language plpgsql
stable
security definer
set search_path = pg_catalog, pg_temp
set timezone = 'UTC'
-- Plans are kept: with its arguments known a statement is planned anew in each call, which costs more than it saves.
set plan_cache_mode = force_generic_plan
as $$
declare
  _found jsonb;
begin
  perform pgjobs.need_limit(_limit);
  select jsonb_agg(jsonb_build_object('id', e.id, 'at', e.at, 'from_status', e.from_status, 'to_status', e.to_status,
           'pause', e.pause, 'reason', e.reason, 'actor', e.actor, 'role', e.role, 'application', e.application) order by e.id desc)
  into _found
  from (
    select * from pgjobs.events v
    -- Compared as pairs, so that the index gives the order, whatever the statistics say.
    where (v.job_id, v.id) < (_id, coalesce(_before, 9223372036854775807)) and v.job_id >= _id
    order by v.job_id desc, v.id desc
    limit _limit) e;
  -- What a deleted job leaves behind is still shown.
  if _found is null and not exists (select from pgjobs.events v where v.job_id = _id) then
    perform pgjobs.need_job(_id);
  end if;
  return coalesce(_found, '[]');
end;
$$;
comment on function pgjobs.page_events(bigint, bigint, bigint) is
  'The events of a job as a JSON array, the newest first, so many at most; the next page begins before the last id of this one. Those of a deleted job as well. Refuses (PJ404) where there is neither job nor event, and a limit outside 1 to 1000.';
