-- Reads: xmp_jobs, xmp_job_types, items, shards, cancellations, refused_records   Writes: nothing
create or replace function pgjobs.source_statement(
  _type text, _source text, _after_key bigint default null, _end_key bigint default null, _descending boolean default false)
returns text
language plpgsql
stable
set search_path = pg_catalog, pg_temp
as $$
declare
  _parts text[] := regexp_match(_source, '^job:([0-9]{1,18})\.([a-z]+)$');
  _which text;
  _their_type text;
  _their_status text;
  _tracked constant boolean := (select t.tracked from public.xmp_job_types t where t.name = _type);
begin
  _which := case _parts[2]
    when 'failed' then 'i.status = ''f'''
    when 'timeout' then 'i.status = ''t'''
    when 'refused' then 'i.status = ''x'''
    when 'unprocessed' then 'i.status in (''w'', ''c'') and i.attempts = 0'
    when 'good' then 'i.status = ''s'''
    when 'sent' then 'i.attempts > 0' end;
  if _which is null then
    perform pgjobs.refuse('PJ400', 'bad_params', 'source', format('params.source: %L names no records of a job', left(_source, 100)),
      'write job:7.failed; besides failed there are timeout, refused, unprocessed, good and sent');
  end if;
  select j.type::text, j.status::text into _their_type, _their_status from public.xmp_jobs j where j.id = _parts[1]::bigint;
  if not found then
    perform pgjobs.refuse('PJ400', 'bad_params', 'source', format('params.source: there is no job %s', _parts[1]), 'look up the id in xmp_jobs');
  end if;
  if _their_type <> _type then
    perform pgjobs.refuse('PJ400', 'bad_params', 'source', format('params.source: job %s is of type %s, and this one of type %s', _parts[1], _their_type, _type),
      'take the records of a job of the same type');
  end if;
  if not _tracked then
    if _parts[2] not in ('refused', 'timeout') then
      perform pgjobs.refuse('PJ400', 'bad_params', 'source',
        format('params.source: of a job of type %s nothing is known to be %s, for it keeps no items', _type, _parts[2]),
        'write job:7.refused, or job:7.timeout for what was left when its stop came');
    end if;
    if not exists (select from pgjobs.refused_records r where r.job_id = _parts[1]::bigint) then
      perform pgjobs.refuse('PJ400', 'bad_params', 'source', format('params.source: job %s has kept no refused records', _parts[1]),
        'keep_refused of its type has to be true when the job begins; or none was refused, or they were cleared after their keep time: see pgjobs.retention');
    end if;
    return format('select r.key, r.target from pgjobs.refused_records r where r.job_id = %s and r.code %s ''timed_out''', _parts[1],
                  case _parts[2] when 'timeout' then '=' else '<>' end);
  end if;
  if not exists (select from pgjobs.items i where i.job_id = _parts[1]::bigint) then
    perform pgjobs.refuse('PJ400', 'bad_params', 'source', format('params.source: job %s has no items', _parts[1]),
      case when exists (select from pgjobs.shards p where p.job_id = _parts[1]::bigint and p.started_at is not null)
             then 'it was a dry run or broke off at its begin, or they were cleared after their keep time: see pgjobs.retention'
           when exists (select from pgjobs.cancellations c where c.job_id = _parts[1]::bigint) then 'it was cancelled before it started: insert a new job'
           else 'it has not started yet' end);
  end if;
  if _parts[2] = 'unprocessed' and _their_status <> 'done'
     and not exists (select from pgjobs.cancellations c where c.job_id = _parts[1]::bigint and c.closed_at is not null) then
    perform pgjobs.refuse('PJ400', 'bad_params', 'source',
      format('params.source: job %s is %s and can still send what it has not processed', _parts[1], case _their_status when 'error' then 'in error' else _their_status end),
      case when exists (select from pgjobs.cancellations c where c.job_id = _parts[1]::bigint) then 'its items are just being closed: try again in a moment'
           when _their_status in ('canceled', 'error') then 'resume it, or cancel it first' else 'let it end, or cancel it first' end);
  end if;
  return pgjobs.bodies_statement(
    _parts[1]::bigint, 'i.key, i.target, null::text as code, null::text as detail, i.body, i.routing_key', _which, _after_key, _end_key, _descending);
end;
$$;
comment on function pgjobs.source_statement(text, text, bigint, bigint, boolean) is
  'The statement that selects records of an earlier job of the same type, as params.source says: job:7.failed, .timeout, .refused, .unprocessed (never sent), .good or .sent. Of a type that keeps no items: key and target of what it has kept as refused (.refused, .timeout). Of items: those behind one key up to another, in the order of their keys. Refuses (PJ400) what names none.';
