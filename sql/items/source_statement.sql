-- Reads: xmp_jobs, items   Writes: nothing
create or replace function pgjobs.source_statement(_type text, _source text)
returns text
language plpgsql
stable
set search_path = pg_catalog, pg_temp
as $$
declare
  _parts text[] := regexp_match(_source, '^job:([0-9]{1,18})\.([a-z]+)$');
  _which text;
  _their_type text;
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
  select j.type::text into _their_type from public.xmp_jobs j where j.id = _parts[1]::bigint;
  if not found then
    perform pgjobs.refuse('PJ400', 'bad_params', 'source', format('params.source: there is no job %s', _parts[1]), 'look up the id in xmp_jobs');
  end if;
  if _their_type <> _type then
    perform pgjobs.refuse('PJ400', 'bad_params', 'source', format('params.source: job %s is of type %s, and this one of type %s', _parts[1], _their_type, _type),
      'take the records of a job of the same type');
  end if;
  if not exists (select from pgjobs.items i where i.job_id = _parts[1]::bigint) then
    perform pgjobs.refuse('PJ400', 'bad_params', 'source', format('params.source: job %s has no items', _parts[1]),
      'it has not started yet, or they were cleared after their keep time: see pgjobs.retention');
  end if;
  return pgjobs.bodies_statement(
    _parts[1]::bigint, 'i.key, i.target, null::text as code, null::text as detail, i.body, i.routing_key', _which);
end;
$$;
comment on function pgjobs.source_statement(text, text) is
  'The statement that selects records of an earlier job of the same type, as params.source says: job:7.failed, .timeout, .refused, .unprocessed (never sent), .good or .sent. Refuses (PJ400) what names none.';
