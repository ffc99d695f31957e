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
begin
  select p.attempt, p.round_at, p.routed, r.descending into strict _attempt, _round_at, _routed, _descending
  from pgjobs.shards p
  join public.xmp_jobs j on j.id = p.job_id
  cross join pgjobs.read_params(j.type::text, j.params) r
  where p.job_id = _job_id and p.shard = _shard;
  return format(
    'select i.key, i.target, coalesce(i.code, case when i.answer is not null then ''answered'' end) as code,'
    ' case when i.code is not null then i.description end as detail, i.body%s'
    ' from pgjobs.items i%s where i.job_id = %s and i.status = %L%s%s order by i.key%s',
    case when _routed then ', i.routing_key' end,
    case when _attempt > 1 then format(
      ' join pgjobs.item_retries r on r.job_id = i.job_id and r.key = i.key and r.attempt = %s and r.due_at <= %L', _attempt, _round_at) end,
    _job_id, case when _attempt > 1 then 'r' else 'w' end,
    case when _descending then ' and i.key < ' else ' and i.key > ' end || _after_key,
    case when _descending then ' and i.key >= ' else ' and i.key <= ' end || _end_key,
    case when _descending then ' desc' end);
end;
$$;
comment on function pgjobs.items_statement(bigint, integer, bigint, bigint) is
  'The statement that selects the items of a shard that the present round sends: those that wait for their first attempt, or those whose next attempt is due. One whose answer came before its launch was accounted for is not sent again (answered).';
