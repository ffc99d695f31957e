-- Reads: xmp_jobs, xmp_job_types, shards, items, what the selector reads   Writes: nothing
create or replace function pgjobs.selection_bounds(_job_id bigint, _sampled boolean)
returns table (start_key bigint, first_key bigint, end_key bigint, total bigint, send_limit bigint, sample bigint[])
language plpgsql
stable
set search_path = pg_catalog, pg_temp
set timezone = 'UTC'
as $$
declare
  _descending boolean;
  _selector text;
  _bounds text;
  _params pgjobs.job_params;
  _source text;
begin
  if exists (select from pgjobs.shards p where p.job_id = _job_id and p.shard = 0 and p.attempt is not null) then
    _descending := (select r.descending from public.xmp_jobs j cross join pgjobs.read_params(j.type::text, j.params) r where j.id = _job_id);
    select case when _descending then max(i.key) else min(i.key) end, case when _descending then min(i.key) else max(i.key) end
      into first_key, end_key from pgjobs.items i where i.job_id = _job_id;
    if _sampled then
      select percentile_disc(array(select n / 1024.0::double precision from generate_series(1, 1024) n)) within group (order by i.key)
        into sample from pgjobs.items i where i.job_id = _job_id;
    end if;
    total := pgjobs.open_items(_job_id);
    return next;
    return;
  end if;
  select t.selector, j.params ->> 'source' into strict _selector, _source
  from public.xmp_jobs j join public.xmp_job_types t on t.name = j.type::text
  where j.id = _job_id;
  _bounds := pgjobs.trusted_selector(_selector || '_bounds', '{bigint}', _needed => false);
  -- Of the records of an earlier job, those of the whole selection say nothing.
  if _bounds is not null and _source is null then
    return query execute format('select b.start_key, b.first_key, b.end_key, b.total, b.send_limit, null::bigint[] from %s($1) b', _bounds)
      using _job_id;
  else
    select p.* into strict _params from public.xmp_jobs j cross join pgjobs.read_params(j.type::text, j.params) p where j.id = _job_id;
    -- Only whole numbers have this operator: of keys that are text, the last one would not be the greatest.
    execute format(
      'select case when $1 then max(s.key) else min(s.key) end, case when $1 then min(s.key) else max(s.key) end, count(*), %s'
      ' from (select s.key | 0 as key from (%s) s) s',
      case when _sampled then 'percentile_disc(array(select i / 1024.0::double precision from generate_series(1, 1024) i)) within group (order by s.key)'
           else 'null::bigint[]' end,
      pgjobs.records_statement(_job_id, 0, null, null)) into first_key, end_key, total, sample using _params.descending;
    -- A selection without bounds counts as empty, and its job would be done.
    if total > 0 and first_key is null then
      perform pgjobs.refuse('PJ400', 'selection', 'selector',
        format('the selector %s selects %s, and the key of each is null', _selector, pgjobs.counted(total, 'record')),
        'select a key bigint that is never null', 'public.xmp_job_types');
    end if;
    send_limit := _params.count;
    return next;
  end if;
end;
$$;
comment on function pgjobs.selection_bounds(bigint, boolean) is
  'First and last key of a selection as it is now, in the job''s order: of its items where it has some, what the selector''s own _bounds function says where it has one, else by reading the selection once; records whose keys are all null are refused. start_key: pass over everything up to it; send_limit: send at most so many. sample: where the selection is read anyway and a sample is asked for, keys of it in even distances.';
