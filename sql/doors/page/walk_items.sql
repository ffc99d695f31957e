-- Reads: items   Writes: nothing
create or replace function pgjobs.walk_items(
  _job_id bigint, _statuses "char"[], _target bytea, _result text, _from bigint, _backwards boolean, _take bigint, _expected bigint,
  out keys bigint[], out more boolean, out looked bigint, out looked_to bigint)
language plpgsql
stable
set search_path = pg_catalog, pg_temp
-- In the order of the index, whatever the statistics say: nothing behind the page is read.
set enable_seqscan = off
set enable_bitmapscan = off
set enable_sort = off
as $$
declare
  _most constant bigint := pgjobs.most_looked_at();
  _largest constant bigint := 20000;
  _begun constant timestamptz := clock_timestamp();
  _plain constant boolean := _statuses is null and _target is null and _result is null;
  _slice bigint := case when _plain then _take + 1 else least(_largest, 4 * _take + 100) end;
  _found bigint[];
  _last bigint;
  _n bigint;
begin
  keys := '{}';
  more := false;
  looked := 0;
  looked_to := null;
  loop
    execute format($items$
      select coalesce(array_agg(i.key order by i.key %1$s) filter (where ($4 is null or i.status = any ($4))
               and ($5 is null or position($5 in i.target) > 0) and ($6 is null or i.result = $6)), '{}'),
             %2$s(i.key), count(*)
      from (
        select r.key, r.status, r.target, r.result from pgjobs.items r
        where r.job_id = $1 and ($2 is null or r.key %3$s $2)
        order by r.key %1$s
        limit $3) i$items$,
      case when _backwards then 'desc' else 'asc' end, case when _backwards then 'min' else 'max' end, case when _backwards then '<' else '>' end)
    into _found, _last, _n using _job_id, _from, _slice, _statuses, _target, _result;
    looked := looked + _n;
    keys := keys || _found;
    if cardinality(keys) > _take then
      keys := keys[:_take];
      more := true;
      return;
    end if;
    -- The last one, or every one that the counters know of.
    exit when _n < _slice or cardinality(keys) >= _expected;
    _from := _last;
    if looked >= _most or clock_timestamp() - _begun > interval '1500 ms' then
      looked_to := _last;
      return;
    end if;
    _slice := least(_largest, 4 * _slice);
  end loop;
end;
$$;
comment on function pgjobs.walk_items(bigint, "char"[], bytea, text, bigint, boolean, bigint, bigint) is
  'Keys of items of a job behind this one (null: all), or before it (_backwards, the nearest first), that have one of these statuses, this in their target, and this result (null: any): so many, and whether there are more. It goes through them in blocks; when it has looked at most_looked_at(), or for more than 1.5 s, it breaks off: looked_to is the last one that it has looked at, null otherwise. _expected: it ends with so many, where the number of all is known.';
