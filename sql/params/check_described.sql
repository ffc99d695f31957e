-- Reads: nothing   Writes: nothing
create or replace function pgjobs.check_described(_job public.xmp_jobs, _table text default 'public.xmp_jobs')
returns void
language plpgsql
stable
set search_path = pg_catalog, pg_temp
as $$
declare
  _name text;
  _value text;
begin
  for _name, _value in
    values ('name', _job.name), ('media_type', _job.media_type), ('reference_id', _job.reference_id), ('custom_type', _job.custom_type)
  loop
    if length(_value) > 200 then
      perform pgjobs.refuse('PJ400', 'too_long', _name, format('%s: it has %s characters', _name, length(_value)), 'give 200 at most', _table);
    elsif _value ~ '[[:cntrl:]]' then
      perform pgjobs.refuse('PJ400', 'bad_' || _name, _name, format('%s: %L has control characters', _name, left(_value, 100)),
        'write it in one line, without tabs', _table);
    end if;
  end loop;
  -- What is empty counts as not given.
  if _job.media_type <> '' and coalesce(_job.reference_id, '') = '' then
    perform pgjobs.refuse('PJ400', 'no_reference_id', 'reference_id',
      format('reference_id: it is not given, and a job with media_type %L needs one', _job.media_type), 'give both, or leave media_type out', _table);
  end if;
  if jsonb_typeof(_job.configuration) is distinct from 'object' then
    perform pgjobs.refuse('PJ400', 'bad_configuration', 'configuration', 'configuration: it has to be a JSON object', 'write {} for none', _table);
  elsif length(_job.configuration::text) > 65536 then
    perform pgjobs.refuse('PJ400', 'bad_configuration', 'configuration', 'configuration: it is larger than 64 KB',
      'leave out what the job does not need', _table);
  end if;
end;
$$;
comment on function pgjobs.check_described(public.xmp_jobs, text) is
  'Refuses (PJ400) what a job, or the task that makes it, says of itself where it can''t be right: a media type without a reference id, texts that are too long, a configuration that is no object.';
