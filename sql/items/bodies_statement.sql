-- Reads: item_bodies   Writes: nothing
create or replace function pgjobs.bodies_statement(
  _job_id bigint, _columns text, _where text,
  _after_key bigint default null, _end_key bigint default null, _descending boolean default false, _chunks text default null)
returns text
language plpgsql
stable
set search_path = pg_catalog, pg_temp
as $$
declare
  _least constant bigint := case when _descending then _end_key else _after_key end;
  _greatest constant bigint := case when _descending then _after_key else _end_key end;
  -- The bodies of the least key lie in a row that may begin before it.
  _from constant bigint := (select max(b.from_key) from pgjobs.item_bodies b where b.job_id = _job_id and b.from_key <= _least);
  _desc constant text := case when _descending then ' desc' else '' end;
begin
  return format('select %s from (select b.* from pgjobs.item_bodies b where b.job_id = %s', _columns, _job_id)
    || coalesce(' and b.from_key >= ' || _from, '') || coalesce(' and b.to_key >= ' || _least, '') || coalesce(' and b.from_key <= ' || _greatest, '')
    || coalesce(' and ' || _chunks, '')
    -- Read row by row, in the order of the keys: each is unpacked once, and only its own items are sorted. The statistics
    -- are those of before the items were written, so each of them is looked up by its key, whatever they say.
    || ') b cross join lateral (select s.*, u.body, u.routing_key from unnest(b.keys, b.bodies, b.routing_keys) u (key, body, routing_key)'
    || format(' cross join lateral (select * from pgjobs.items s where s.job_id = %s and s.key = u.key offset 0) s where true', _job_id)
    || coalesce(case when _descending then ' and u.key < ' else ' and u.key > ' end || _after_key, '')
    || coalesce(case when _descending then ' and u.key >= ' else ' and u.key <= ' end || _end_key, '')
    || format(' offset 0) i where %s order by b.from_key%s, i.key%s', _where, _desc, _desc);
end;
$$;
comment on function pgjobs.bodies_statement(bigint, text, text, bigint, bigint, boolean, text) is
  'The statement that reads items (i) of a job together with what they send, i.body and i.routing_key, in the order of their keys: these columns, where this is true of i, behind one key up to another. _chunks: what has to be true of the row of pgjobs.item_bodies (b).';
