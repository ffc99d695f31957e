-- Reads: xmp_jobs, shards   Writes: nothing
create or replace function pgjobs.page_list_block(
  _asked jsonb, _source text, _only bigint[], _key text[], _limit bigint, out ids bigint[], out keys text[])
language plpgsql
stable
set search_path = pg_catalog, pg_temp
set timezone = 'UTC'
set datestyle = 'ISO, YMD'
set enable_seqscan = off
set enable_bitmapscan = off
set enable_sort = off
as $$
declare
  _order constant text := _asked ->> 'order';
  _back constant boolean := (_asked ->> 'back')::boolean;
  _ascending constant boolean := (_order in ('oldest', 'earliest', 'name')) <> _back;
  _moment text := pgjobs.job_column_type('created_at');
  _relation text := 'public.xmp_jobs';
  _id text := 'r.id';
  _value text;
  _type text;
  _where text;
begin
  if _order = 'next' then
    select d.ids, d.keys into ids, keys from pgjobs.page_list_due(_only, _back, _key, _limit) d;
    return;
  elsif _order in ('newest', 'oldest') then
    if _only is null then
      ids := pgjobs.page_list_ids(_asked, _source, _ascending, _key[1]::bigint, _limit);
    elsif _ascending then
      ids := array(select o.id from unnest(_only) o (id) where _key is null or o.id > _key[1]::bigint order by o.id limit _limit);
    else
      ids := array(select o.id from unnest(_only) o (id) where _key is null or o.id < _key[1]::bigint order by o.id desc limit _limit);
    end if;
    keys := ids::text[];
    return;
  elsif _order = 'started' then
    _relation := 'pgjobs.shards';
    _id := 'r.job_id';
    _value := 'r.started_at';
    _type := 'timestamptz';
    _where := 'r.shard = 0 and r.started_at is not null';
  elsif _order = 'finished' then
    _value := 'r.finish_at';
    _type := pgjobs.job_column_type('finish_at');
    _where := 'r.finish_at is not null';
  elsif _order = 'name' then
    _value := 'left(lower(r.name), 60) collate "C"';
    _type := 'text';
    _where := 'r.name is not null' || case when _asked ->> 'name' is not null then
      format(' and %s like %L', _value, regexp_replace(left(lower(_asked ->> 'name'), 60), '([\\%_])', '\\\1', 'g') || '%') else '' end;
  else
    _value := 'r.created_at';
    _type := pgjobs.job_column_type('created_at');
    _where := concat_ws(' and ',
      case when _asked ->> 'created_from' is not null then format('r.created_at >= %L::timestamptz::%s', _asked ->> 'created_from', _type) end,
      case when _asked ->> 'created_to' is not null then format('r.created_at < %L::timestamptz::%s', _asked ->> 'created_to', _type) end);
  end if;
  if _key is not null then
    _where := _where || format(' and (%s, %s) %s (%L::%s, %s::bigint)', _value, _id, case when _ascending then '>' else '<' end, _key[2], _type, _key[1]);
  end if;
  execute format($block$
    select coalesce(array_agg(b.id), '{}'), coalesce(array_agg(concat_ws(',', b.id, b.value)), '{}')
    from (select %1$s as id, %2$s as value from %3$s where %4$s order by %2$s %5$s, %1$s %5$s limit %6$s) b$block$,
    _id, _value,
    case when _only is null then _relation || ' r' else format('unnest(%L::bigint[]) a (id) cross join lateral (select x.* from %s x where %s = a.id%s offset 0) r',
      _only, _relation, replace(_id, 'r.', 'x.'), case _order when 'started' then ' and x.shard = 0' else '' end) end,
    _where, case when _ascending then 'asc' else 'desc' end, _limit)
  into ids, keys;
end;
$$;
comment on function pgjobs.page_list_block(jsonb, text, bigint[], text[], bigint) is
  'The next jobs, so many at most, of the list in its order behind this place, or backwards, each with its place: of one filter of page_list_sources() (null: of all jobs), or of these jobs alone. Whatever else it is asked for is not looked at.';
