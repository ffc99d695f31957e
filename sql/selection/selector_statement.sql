-- Reads: xmp_jobs, xmp_job_types   Writes: nothing
create or replace function pgjobs.selector_statement(_job_id bigint, _shard integer, _after_key bigint, _end_key bigint, _zones text[] default null)
returns text
language plpgsql
stable
set search_path = pg_catalog, pg_temp
set timezone = 'UTC'
as $$
declare
  _selector text;
  _statement text;
  _source text;
  _tracked boolean;
begin
  select t.selector, j.params ->> 'source', t.tracked into strict _selector, _source, _tracked
  from public.xmp_jobs j join public.xmp_job_types t on t.name = j.type::text
  where j.id = _job_id;
  if _source is not null and _tracked then
    return (
      select pgjobs.source_statement(j.type::text, _source, _after_key, _end_key, coalesce(p.descending, false))
      from public.xmp_jobs j cross join pgjobs.read_params(j.type::text, j.params) p where j.id = _job_id);
  end if;
  execute format('select %s($1, $2, $3, $4)', pgjobs.trusted_selector(_selector)) into _statement using _job_id, _shard, _after_key, _end_key;
  if _statement is null then
    perform pgjobs.refuse('PJ400', 'selection', 'selector', format('the selector %s returns no statement but null', _selector),
      'mend the selector and resume the job');
  end if;
  if to_regprocedure(_selector || '_zones(bigint)') is not null then
    _statement := format('select r.key, r.target, r.code, r.detail, r.body%s from (%s) r',
      case when pgjobs.gives_routing_key(_statement) then ', r.routing_key' end, _statement) || case
      when _zones is null then ''
      -- Every record lies in one shard, whatever its zone is: the first one has those of no other.
      when _shard = 0 then format(' where coalesce(r.zone::text <> all (%L::text[]), true)', _zones)
      else format(' where r.zone::text = any (%L::text[])', _zones) end;
  end if;
  if _source is not null then
    -- What was refused is judged anew: whoever is still to get nothing gets nothing.
    _statement := format(
      'select s.* from (%s) s where exists (select from (%s) r where r.key = s.key and r.target is not distinct from %s) order by s.key%s',
      _statement, (select pgjobs.source_statement(j.type::text, _source) from public.xmp_jobs j where j.id = _job_id),
      'case when pg_typeof(s.target) = ''bytea''::regtype then s.target::text::bytea else convert_to(s.target::text, ''UTF8'') end',
      (select case when p.descending then ' desc' end from public.xmp_jobs j cross join pgjobs.read_params(j.type::text, j.params) p where j.id = _job_id));
  end if;
  return _statement;
end;
$$;
comment on function pgjobs.selector_statement(bigint, integer, bigint, bigint, text[]) is
  'The statement with which the selector of a job selects the records of a shard behind one key up to another: (key, target, code, detail, body, and routing_key where it gives one) in the job''s order; code null means to be sent. _zones: of shard 0, the zones that other shards have; of another one, its own. Null: records of all zones. Where params.source names records of an earlier job, these alone: its items as they were, or what it has kept as refused, judged anew, the same key for the same target.';
