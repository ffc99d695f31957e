-- Reads: xmp_job_types   Writes: nothing
create or replace function pgjobs.check_job(_type text, _params jsonb, _file_name text, _shards integer)
returns void
language plpgsql
stable
set search_path = pg_catalog, pg_temp
as $$
declare
  _registered public.xmp_job_types;
  _unknown text;
  _read pgjobs.job_params;
begin
  select * into _registered from public.xmp_job_types t where t.name = _type and t.selector is not null;
  if not found then
    perform pgjobs.refuse('PJ400', 'unknown_type', 'type', format('type: %L is not a registered job type', left(_type, 100)),
      'use one of ' || (select string_agg(t.name, ', ' order by t.name) from public.xmp_job_types t where t.selector is not null));
  end if;
  if jsonb_typeof(_params) is distinct from 'object' then
    perform pgjobs.refuse('PJ400', 'bad_params', 'params', 'params: it has to be a JSON object',
      'write {} for a job without parameters');
  end if;
  if length(_params::text) > 65536 then
    perform pgjobs.refuse('PJ400', 'bad_params', 'params', 'params: it is larger than 64 KB', 'leave out what the job does not need');
  end if;
  select k into _unknown from jsonb_object_keys(_params) k where k <> all (_registered.params) order by k limit 1;
  if found then
    perform pgjobs.refuse('PJ400', 'bad_params', _unknown,
      format('params.%s: a job of type %s has no such parameter', left(_unknown, 100), _type),
      'it knows ' || array_to_string(_registered.params, ', '));
  end if;
  _read := pgjobs.read_params(_params);
  if _shards not between 1 and 64 then
    perform pgjobs.refuse('PJ400', 'bad_shards', 'shards', format('shards: %s is out of range', _shards), 'give a number from 1 to 64');
  end if;
  if coalesce(_shards, _registered.shards) > 1 and (_read.count is not null or _read."offset" is not null) then
    perform pgjobs.refuse('PJ400', 'bad_shards', 'shards', 'shards: a job with count or offset can''t be cut into shards',
      'set shards to 1, or leave out count and offset');
  end if;
  if _registered.needs_file and coalesce(_file_name, '') = '' then
    perform pgjobs.refuse('PJ400', 'bad_file_name', 'file_name',
      format('file_name: a job of type %s reads a file and none is named', _type),
      'name a file of the injections directory');
  end if;
  if _registered.needs_file and (_file_name ~ '[/[:cntrl:]]' or _file_name in ('.', '..')) then
    perform pgjobs.refuse('PJ400', 'bad_file_name', 'file_name',
      format('file_name: %L is not the plain name of a file', _file_name),
      'give the plain name of a file that lies in the injections directory');
  end if;
end;
$$;
comment on function pgjobs.check_job(text, jsonb, text, integer) is
  'Refuses a job whose type, params, file name or shards cannot be right, naming the field and the remedy.';
