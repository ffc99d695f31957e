-- Reads: xmp_jobs, shards, switch   Writes: nothing
create or replace function pgjobs.page_list_ids(_asked jsonb, _source text, _ascending boolean, _from bigint, _limit bigint)
returns bigint[]
language plpgsql
stable
set search_path = pg_catalog, pg_temp
-- Keys are compared as rows, so that only the index on all of them gives the order, whatever the statistics say.
set enable_seqscan = off
set enable_bitmapscan = off
set enable_sort = off
as $$
declare
  _words constant text[] := array(select jsonb_array_elements_text(_asked -> 'words'));
  _statuses constant text[] := (select s.possible from pgjobs.page_list_statuses(_words) s);
  _type constant text := pgjobs.job_column_type('type');
  _status constant text := pgjobs.job_column_type('status');
  _direction constant text := case when _ascending then 'asc' else 'desc' end;
  _statement text;
  _found bigint[];
begin
  if _source = 'number' then
    return array(select j.id from public.xmp_jobs j where j.id = (_asked ->> 'number')::bigint);
  end if;
  select string_agg(format('(select j.id from %s j where %s order by %s limit %s)', r.relation,
    concat_ws(' and ', 'true', r.besides,
      case when cardinality(r.columns) > 0 then
        format('(%s) %s (%s)', array_to_string(r.columns, ', '), case when _ascending then '<=' else '>=' end, array_to_string(r.given, ', ')) end,
      case when _from is not null then
             format('(%s) %s (%s)', array_to_string(r.columns || 'j.id'::text, ', '), case when _ascending then '>' else '<' end,
                    array_to_string(r.given || _from::text, ', '))
           when cardinality(r.columns) > 0 then
             format('(%s) %s (%s)', array_to_string(r.columns, ', '), case when _ascending then '>=' else '<=' end, array_to_string(r.given, ', ')) end),
    array_to_string(array(select format('%s %s', c, _direction) from unnest(r.columns || 'j.id'::text) c), ', '), _limit),
    -- What is just being written need not be active: it may be found twice.
    case when exists (select from pgjobs.page_list_ranges(_words) g where g.part = 'expanded') then ' union ' else ' union all ' end)
  into _statement
  from (
    select 'public.xmp_jobs' as relation, array[]::text[] as columns, array[]::text[] as given, null as besides where _source is null
    union all
    select 'public.xmp_jobs', '{j.task_id}', array[_asked ->> 'task'], 'j.task_id is not null' where _source = 'task'
    union all
    select 'public.xmp_jobs', '{j.id_user}', array[_asked ->> 'user'], 'j.id_user <> 0' where _source = 'user'
    union all
    select 'public.xmp_jobs', array['hashtextextended(j.reference_id, 0)'], array[hashtextextended(_asked ->> 'reference', 0)::text],
      'j.reference_id is not null'
    where _source = 'reference'
    union all
    select 'public.xmp_jobs', array['hashtextextended(j.submitted_by, 0)'], array[hashtextextended(_asked ->> 'who', 0)::text],
      'j.submitted_by is not null'
    where _source = 'who'
    union all
    select 'public.xmp_jobs', '{j.status}', array[format('%L::%s', g.status, _status)],
      case g.part when 'inactive' then 'not j.active and j.status in (''ready'', ''in progress'')' end
    from pgjobs.page_list_ranges(_words) g
    where _source = 'kind' and _asked ->> 'type' is null and g.part <> 'expanded' and pgjobs.is_value_of(_status, g.status)
    union all
    select '(select distinct p.job_id as id from pgjobs.shards p where p.expand)', '{}', '{}', null
    from pgjobs.page_list_ranges(_words) g
    where _source = 'kind' and _asked ->> 'type' is null and g.part = 'expanded'
    union all
    select 'public.xmp_jobs', '{j.type,j.status}', array[format('%L::%s', _asked ->> 'type', _type), format('%L::%s', s.name, _status)], null
    from (select distinct m.status from pgjobs.state_statuses() m) s (name)
    where _source = 'kind' and _asked ->> 'type' is not null and (_statuses = '{}' or s.name = any (_statuses))
      and pgjobs.is_value_of(_type, _asked ->> 'type') and pgjobs.is_value_of(_status, s.name)) r;
  if _statement is null then
    return '{}';
  end if;
  execute format('select array(select u.id from (%s) u order by u.id %s limit %s)', _statement, _direction, _limit) into _found;
  return _found;
end;
$$;
comment on function pgjobs.page_list_ids(jsonb, text, boolean, bigint, bigint) is
  'The numbers, so many at most, of the jobs that one filter of page_list_sources() finds (null: all jobs) behind this number, in their order or backwards; each range by the index that has it in this order.';
