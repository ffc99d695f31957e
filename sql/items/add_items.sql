-- Reads: nothing   Writes: items, item_bodies
create or replace function pgjobs.add_items(
  _job_id bigint, _keys bigint[], _targets bytea[], _codes text[], _details text[], _bodies bytea[], _routing_keys text[])
returns integer
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
as $$
declare
  _n constant integer := cardinality(_keys);
begin
  if _n > 0 then
    insert into pgjobs.items (job_id, key, target, code, description)
    select _job_id, u.* from unnest(_keys, _targets, _codes, _details) u;
    insert into pgjobs.item_bodies (job_id, from_key, to_key, keys, bodies, routing_keys)
    values (_job_id, least(_keys[1], _keys[_n]), greatest(_keys[1], _keys[_n]), _keys, _bodies, _routing_keys);
  end if;
  return _n;
end;
$$;
comment on function pgjobs.add_items(bigint, bigint[], bytea[], text[], text[], bytea[], text[]) is
  'Adds items that lie next to each other in the order of their job, and what they send as one row of pgjobs.item_bodies; how many there are.';
