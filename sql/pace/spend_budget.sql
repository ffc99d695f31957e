-- Reads: shards, outcomes, holds   Writes: holds, xmp_jobs (active)
create or replace function pgjobs.spend_budget(_job_id bigint, _budget jsonb, _others bigint)
returns table (reason text, room integer)
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
as $$
declare
  _first constant bigint := _budget #>> '{canary,first}';
  _count constant bigint := case jsonb_typeof(_budget -> 'errors') when 'number' then _budget ->> 'errors' else _budget #>> '{errors,count}' end;
  _share constant numeric := _budget #>> '{errors,share}';
  _after constant bigint := _budget #>> '{errors,after}';
  _published bigint;
  _errors bigint;
  _attempts bigint;
  _kind text;
begin
  room := 2147483647;
  select c.published, c.errors, c.attempts into _published, _errors, _attempts from pgjobs.count_errors(_job_id) c;
  -- Only what came after its last release counts.
  select _errors - h.errors, _attempts - h.attempts into _errors, _attempts
  from pgjobs.holds h where h.job_id = _job_id and h.kind = 'budget' and h.released_at is not null
  union all select _errors, _attempts limit 1;
  if _errors > _count then
    _kind := 'budget';
    reason := format('%s refused, returned or failed, and its budget.errors allows %s; look at "pgjobs outcomes %s", then run "pgjobs resume %3$s"',
      pgjobs.counted(_errors, 'record was', 'records were'), _count, _job_id);
  elsif _attempts >= coalesce(_after, 1000) and _errors > _share * _attempts then
    _kind := 'budget';
    reason := format('%s of %s records were refused, returned or failed, and its budget.errors allows a share of %s; look at "pgjobs outcomes %s", then run "pgjobs resume %4$s"',
      _errors, _attempts, _share, _job_id);
  elsif _first is not null and not exists (
    select from pgjobs.holds h where h.job_id = _job_id and h.kind = 'canary' and h.released_at is not null) then
    room := greatest(0, least(room, _first - _published - _others));
    if _published >= _first then
      _kind := 'canary';
      reason := format(case _published when 1 then 'its first record is sent, as its budget.canary says: look at it, then run "pgjobs resume %2$s"'
        else 'its first %1$s records are sent, as its budget.canary says: look at them, then run "pgjobs resume %2$s"' end, _published, _job_id);
    end if;
  end if;
  if _kind is not null and not pgjobs.hold_job(_job_id, _kind, reason) then
    -- Somebody is changing the job at this moment: asked again soon, and nothing is published until then.
    reason := null;
    room := 0;
  end if;
  return next;
end;
$$;
comment on function pgjobs.spend_budget(bigint, jsonb, bigint) is
  'How many records a job may publish before a look at it is due; holds it, with the reason, once its canary is through or its errors exceed what it allows. Others: what its other shards were granted.';
