-- Reads: what the functions of its parts read   Writes: nothing
create or replace function pgjobs.page_job(_id bigint)
returns jsonb
language plpgsql
stable
security definer
set search_path = pg_catalog, pg_temp
set timezone = 'UTC'
as $$
declare
  _found jsonb;
  _part text;
  _value jsonb;
  _troubles jsonb := '{}';
begin
  if not exists (select from public.xmp_jobs j where j.id = _id) then
    perform pgjobs.refuse('PJ404', 'unknown_job', 'id', format('there is no job %s', _id),
      case when exists (select from pgjobs.events e where e.job_id = _id)
           then format('it was deleted, or cleared after its keep time; what is left of it are its events: /job/%s/events', _id)
           else 'look for it in the list of all jobs' end);
  end if;
  _found := jsonb_build_object('job', pgjobs.page_fields(_id));
  -- Where one part cannot be computed, the others are shown all the same.
  foreach _part in array '{progress,outcomes,events,plan,plot}'::text[] loop
    begin
      _value := case _part
        when 'progress' then pgjobs.page_progress(array[_id]) -> 0
        when 'outcomes' then pgjobs.page_outcomes(_id)
        when 'events' then pgjobs.page_events(_id, null, 10)
        when 'plan' then pgjobs.page_plan(_id)
        when 'plot' then pgjobs.page_plot(_id, 200) end;
    exception when others then
      _value := null;
      _troubles := _troubles || jsonb_build_object(_part, sqlerrm);
    end;
    _found := _found || jsonb_build_object(_part, _value);
  end loop;
  return _found || jsonb_build_object('why', _found #> '{progress,why}', 'eta', _found #> '{progress,eta}', 'troubles', _troubles);
end;
$$;
comment on function pgjobs.page_job(bigint) is
  'All that the page of a job shows: {"job", "progress", "why", "eta", "outcomes", "events", "plan", "plot"}, and under "troubles" which parts could not be computed. Refuses (PJ404) when there is none.';
