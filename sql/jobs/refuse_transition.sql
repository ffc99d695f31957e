-- Reads: cancellations, shards, xmp_jobs   Writes: nothing
create or replace function pgjobs.refuse_transition(_job_id bigint, _status text, _what text)
returns void
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
as $$
declare
  _active constant boolean := coalesce((select j.active from public.xmp_jobs j where j.id = _job_id), true);
  _is constant text := case _status when 'error' then 'in error' else _status end;
begin
  if exists (select from pgjobs.cancellations c where c.job_id = _job_id) then
    perform pgjobs.refuse('PJ409', 'cancelled', 'status', format('job %s is cancelled for good and can''t %s', _job_id, _what), 'insert a new job');
  end if;
  if _status in ('canceled', 'error') and exists (select from pgjobs.shards p where p.job_id = _job_id and p.cleared && '{lines,logs}') then
    perform pgjobs.refuse('PJ409', 'cleared', 'status',
      format('job %s is %s and can''t %s or be resumed: its lines or its log were cleared after their keep time', _job_id, _is, _what),
      'insert a new job; pgjobs.retention has the keep times');
  end if;
  perform pgjobs.refuse('PJ409', 'illegal_transition', 'status',
    format('job %s is %s and can''t %s, ', _job_id, _is, _what)
      || case when pgjobs.next_statuses(_status) = '{}' then format('%s is final', _status)
              else 'legal next: ' || array_to_string(pgjobs.next_statuses(_status), ', ') end,
    case
      when _status = 'done' then 'insert a new job'
      when _status = 'error' then 'resume it, or cancel it for good'
      when _status = 'canceled' then
        case when _what in ('be stopped', 'be paused') then 'there is nothing to do: it does not run; resume lets it go on, cancel ends it for good'
             else 'resume it, or cancel it for good' end
      when _status = 'in progress' then
        case when not _active then 'it is paused: resume lets it go on, stop ends it'
             else 'there is nothing to do: it runs; pause or stop it if it should not' end
      when _what = 'be resumed' then 'there is nothing to do: it is not held, and begins when it is due; start runs it now, stop ends it'
      else 'start or stop it' end);
end;
$$;
comment on function pgjobs.refuse_transition(bigint, text, text) is
  'Refuses (PJ409) what a job cannot do in its state; the sentence names the state and the legal next ones, the hint says what to do, or that there is nothing to do.';
