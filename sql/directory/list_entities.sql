-- Reads: entities   Writes: nothing
create or replace function pgjobs.list_entities(_filter jsonb default '{}', _after bigint default null, _limit integer default 100, _case_sensitive boolean default true)
returns jsonb
language plpgsql
stable
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  _found jsonb;
begin
  if _limit is null or _limit not between 1 and 2000 then
    perform pgjobs.refuse('PJ400', 'bad_limit', 'limit', format('limit: %s is out of range', coalesce(_limit::text, 'null')), 'give a number from 1 to 2000', 'pgjobs.entities');
  end if;
  execute format(
    'select coalesce(jsonb_agg(to_jsonb(f) order by f.number), ''[]'') from (select e.* from pgjobs.entities e where e.number > %s and %s order by e.number limit %s) f',
    coalesce(_after, 0), pgjobs.filter_condition(_filter, pgjobs.entity_fields(), _case_sensitive), _limit) into _found;
  return _found;
end;
$$;
comment on function pgjobs.list_entities(jsonb, bigint, integer, boolean) is
  'Entities of the directory that a filter finds, as an array of objects in the order of their numbers, behind one of them.';
