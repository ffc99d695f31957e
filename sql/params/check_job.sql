-- Reads: xmp_job_types   Writes: nothing
create or replace function pgjobs.check_job(_type text, _params jsonb, _file_name text, _shards integer, _written boolean default true,
  _configuration jsonb default '{}')
returns void
language plpgsql
stable
set search_path = pg_catalog, pg_temp
as $$
declare
  _registered public.xmp_job_types;
  _key text;
  _read pgjobs.job_params;
  _all_count boolean;
  _check text;
  _fault text;
begin
  select * into _registered from public.xmp_job_types t where t.name = _type and t.selector is not null;
  if not found then
    perform pgjobs.refuse('PJ400', 'unknown_type', 'type', format('type: %L is not a registered job type', left(_type, 100)),
      'use one of ' || (select string_agg(t.name, ', ' order by t.name) from public.xmp_job_types t where t.selector is not null));
  end if;
  perform pgjobs.trusted_selector(_registered.selector);
  perform pgjobs.check_route(_registered.exchange, _registered.routing_key, _registered.tracked);
  if jsonb_typeof(_params) is distinct from 'object' then
    perform pgjobs.refuse('PJ400', 'bad_params', 'params', 'params: it has to be a JSON object',
      'write {} for a job without parameters');
  end if;
  if length(_params::text) > 65536 then
    perform pgjobs.refuse('PJ400', 'bad_params', 'params', 'params: it is larger than 64 KB', 'leave out what the job does not need');
  end if;
  -- Nothing that is given is ignored, or read as not given.
  _all_count := not (_registered.lenient or _params ?| _registered.ignores);
  if _written then
    select k into _key from jsonb_object_keys(_params) k
    where k <> all (_registered.params || _registered.ignores) and not (k = 'source' and (_registered.tracked or _registered.keep_refused)) order by k limit 1;
    if found then
      perform pgjobs.refuse('PJ400', 'bad_params', _key,
        format('params.%s: a job of type %s has no such parameter', left(_key, 100), _type),
        case when _registered.params = '{}' then 'it takes none: leave it out'
             else 'it knows ' || array_to_string(_registered.params, ', ') end);
    end if;
    -- The predecessor read these as "not given"; a slip must not make a job charge more people.
    if not _registered.lenient then
      select e.key into _key from jsonb_each(_params) e where pgjobs.is_blank(e.value) order by e.key limit 1;
      if found then
        perform pgjobs.refuse('PJ400', 'bad_params', _key, format('params.%s: it is empty', _key),
          case _key when 'prefix' then 'give the digits every msisdn begins with, * for any, or leave it out'
                    else format('give %s a value, or leave it out', _key) end);
      end if;
    end if;
    -- What is ignored has to be readable all the same.
    if _all_count then
      _read := pgjobs.read_params(_type, _params);
    else
      _read := pgjobs.read_params((
        select coalesce(jsonb_object_agg(e.key, e.value), '{}') from jsonb_each(_params) e where not pgjobs.is_blank(e.value)));
    end if;
    if _params ? 'source' then
      perform pgjobs.source_statement(_type, _params ->> 'source');
      if not _registered.tracked and num_nonnulls(_read.count, _read."offset") > 0 then
        perform pgjobs.refuse('PJ400', 'bad_params', 'source', 'params.source: count and offset choose among all records of a selection',
          'leave count and offset out');
      end if;
    end if;
    if _read.count = 0 and not _registered.lenient then
      perform pgjobs.refuse('PJ400', 'bad_params', 'count', 'params.count: 0 would select nothing',
        'give count as a whole number of one or more, or leave it out to select everything');
    end if;
    _check := pgjobs.trusted_selector(_registered.selector || '_check', '{jsonb,jsonb}', _needed => false);
    if _check is not null then
      execute format('select %s($1, $2)::text', _check) into _fault using _params, _configuration;
      if _fault is not null then
        perform pgjobs.refuse('PJ400', 'bad_params', coalesce(substring(_fault from '^(?:params|configuration)\.([a-z_]+)'), 'params'), left(_fault, 500),
          format('mend it: so says %s, the check of type %s', _check, _type));
      end if;
    end if;
    if not _registered.needs_file and coalesce(_file_name, '') <> '' then
      perform pgjobs.refuse('PJ400', 'bad_file_name', 'file_name',
        format('file_name: a job of type %s reads no file, and %L would be ignored', _type, left(_file_name, 100)),
        'leave file_name empty, or use a type that reads a file');
    end if;
  end if;
  if not (_written and _all_count) then
    _read := pgjobs.read_params(_type, _params);
  end if;
  if _shards not between 1 and 64 then
    perform pgjobs.refuse('PJ400', 'bad_shards', 'shards', format('shards: %s is out of range', _shards), 'give a number from 1 to 64');
  end if;
  -- Of a file, count means lines: it ends the last shard. Messages that were sent are counted by one shard alone.
  if coalesce(_shards, _registered.shards) > 1 and _read.count is not null and not _registered.needs_file then
    perform pgjobs.refuse('PJ400', 'bad_shards', 'shards', 'shards: a job with count can''t be cut into shards',
      'set shards to 1, or leave out count');
  end if;
  if _registered.needs_file and coalesce(_file_name, '') = '' then
    perform pgjobs.refuse('PJ400', 'bad_file_name', 'file_name',
      format('file_name: a job of type %s reads a file and none is named', _type),
      'name a file of the injections directory; over HTTP, upload it with PUT /files/NAME');
  end if;
  if _registered.needs_file and (_file_name ~ '[/[:cntrl:]]' or _file_name in ('.', '..')) then
    perform pgjobs.refuse('PJ400', 'bad_file_name', 'file_name',
      format('file_name: %L is not the plain name of a file', _file_name),
      'give the plain name of a file that lies in the injections directory');
  end if;
  if _written and length(_file_name) > 127 then
    perform pgjobs.refuse('PJ400', 'bad_file_name', 'file_name',
      format('file_name: it has %s characters', length(_file_name)), 'give the file a name of at most 127 characters');
  end if;
  if _registered.selector = 'pgjobs.injection_records' and pgjobs.injection_service(_type, _read) is null then
    perform pgjobs.refuse('PJ400', 'no_service', 'service_id',
      format('params.service_id: a job of type %s needs a service, for its messages carry one', _type),
      'give service_id, or put one into the defaults of the type');
  end if;
end;
$$;
comment on function pgjobs.check_job(text, jsonb, text, integer, boolean, jsonb) is
  'Refuses a job whose type, params, file name or shards cannot be right, or to which the check of its type objects, naming the field and the remedy. Not _written: only what could not be run is refused, for the row may be older than the rules.';
