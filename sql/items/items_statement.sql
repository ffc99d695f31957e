-- Reads: shards, xmp_jobs   Writes: nothing
create or replace function pgjobs.items_statement(_job_id bigint, _shard integer, _after_key bigint, _end_key bigint)
returns text
language plpgsql
stable
set search_path = pg_catalog, pg_temp
set timezone = 'UTC'
as $$
declare
  _descending boolean;
  _attempt smallint;
  _round_at timestamptz;
  _routed boolean;
  _due text;
begin
  select p.attempt, p.round_at, p.routed, r.descending into strict _attempt, _round_at, _routed, _descending
  from pgjobs.shards p
  join public.xmp_jobs j on j.id = p.job_id
  cross join pgjobs.read_params(j.type::text, j.params) r
  where p.job_id = _job_id and p.shard = _shard;
  if _attempt > 1 then
    _due := format('from pgjobs.item_retries r where r.job_id = %s and r.attempt = %s and r.due_at <= %L and r.key', _job_id, _attempt, _round_at);
  end if;
  return pgjobs.bodies_statement(
    _job_id,
    'i.key, i.target, coalesce(i.code, case when i.answer is not null then ''answered'' end) as code,'
    ' case when i.code is not null then i.description end as detail, i.body' || case when _routed then ', i.routing_key' else '' end,
    -- Not exists: it would become a join, and be planned for a table that was empty before.
    case when _attempt > 1 then 'i.status = ''r'' and (select true ' || _due || ' = i.key)' else 'i.status = ''w''' end,
    _after_key, _end_key, _descending,
    -- Bodies are unpacked only where an attempt is due.
    '(select true ' || _due || ' between b.from_key and b.to_key order by r.key limit 1)');
end;
$$;
comment on function pgjobs.items_statement(bigint, integer, bigint, bigint) is
  'The statement that selects the items of a shard that the present round sends: those that wait for their first attempt, or those whose next attempt is due. One whose answer came before its launch was accounted for is not sent again (answered).';
