-- Reads: xmp_jobs, xmp_job_types, item_counts, what the selector reads   Writes: items, item_bodies, item_counts, shards, file_loads
create or replace function pgjobs.expand_items(_job_id bigint, _early boolean default false)
returns bigint
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
set timezone = 'UTC'
set lock_timeout = '200ms'
as $$
declare
  _job public.xmp_jobs;
  _params pgjobs.job_params;
  _selector text;
  _limit bigint;
  _start bigint;
  _n bigint := 0;
  _statement text;
  _source text;
  _routed boolean;
  _record record;
  _keys bigint[] := '{}';
  _targets bytea[] := '{}';
  _codes text[] := '{}';
  _details text[] := '{}';
  _bodies bytea[] := '{}';
  _routing_keys text[];
  _size bigint := 0;
  -- Bytes of the bodies of one row, and 128 of them at most: whoever needs one body unpacks them all.
  _most constant integer := 16384;
  _known text[] := '{}';
  _key text;
  _text constant text := 'case when pg_typeof(%1$s) = ''bytea''::regtype then %1$s::text::bytea else convert_to(%1$s::text, ''UTF8'') end';
begin
  -- One writer at a time, as with the lines of a file: a second one waits here, and fails after a moment.
  insert into pgjobs.file_loads (job_id) values (_job_id) on conflict do nothing;
  if exists (select from pgjobs.shards p where p.job_id = _job_id and p.attempt is not null and not p.expand)
     or _early and not exists (select from pgjobs.shards p where p.job_id = _job_id and p.expand) then
    delete from pgjobs.file_loads f where f.job_id = _job_id;
    return null;
  end if;
  if exists (select from pgjobs.item_counts c where c.job_id = _job_id) then
    -- Of other params, before it began.
    delete from pgjobs.items i where i.job_id = _job_id;
    delete from pgjobs.item_bodies b where b.job_id = _job_id;
    delete from pgjobs.item_counts c where c.job_id = _job_id;
  end if;
  select * into _job from public.xmp_jobs j where j.id = _job_id;
  select p.* into strict _params from public.xmp_jobs j cross join pgjobs.read_params(j.type::text, j.params) p where j.id = _job_id;
  select t.selector into strict _selector from public.xmp_jobs j join public.xmp_job_types t on t.name = j.type::text where j.id = _job_id;
  select pgjobs.source_statement(j.type::text, j.params ->> 'source') into _source from public.xmp_jobs j where j.id = _job_id and j.params ? 'source';
  if _source is not null and pgjobs.trusted_selector(_selector || '_again', '{bigint,bigint,bytea}', _needed => false) is not null then
    _source := format('select s.key, s.target, s.code, s.detail, %s(%s, s.key, s.body) as body, s.routing_key from (%s) s',
      pgjobs.trusted_selector(_selector || '_again', '{bigint,bigint,bytea}'), _job_id, _source);
  end if;
  _limit := _params.count;
  if _source is null and pgjobs.trusted_selector(_selector || '_bounds', '{bigint}', _needed => false) is not null then
    select b.start_key, b.send_limit into _start, _limit from pgjobs.selection_bounds(_job_id, false) b;
  end if;
  _statement := coalesce(_source, pgjobs.selector_statement(_job_id, 0, _start, null));
  _routed := pgjobs.gives_routing_key(_statement);
  if _limit is not null or _start is null and _params."offset" > 0 then
    -- Counted in the order of the job: what is passed over, and what is sent, are records that can be sent.
    _statement := format(
      'select n.* from (select s.*, count(*) filter (where s.code is null) over (order by s.key%s rows unbounded preceding) as n from (%s) s) n'
      ' where n.n - (n.code is null)::integer between %s and %s',
      case when _params.descending then ' desc' end, _statement,
      case when _start is null then coalesce(_params."offset", 0) else 0 end,
      coalesce(case when _start is null then coalesce(_params."offset", 0) else 0 end + _limit - 1, 9223372036854775807));
  end if;
  begin
    for _record in execute format(
      'select s.key, %s as target, case when s.code is null and s.target is null then ''no_target'' else s.code::text end as code, s.detail::text,'
      ' case when s.code is null then %s end as body, %s::text as routing_key'
      ' from (%s) s%s',
      format(_text, 's.target'), format(_text, 's.body'), case when _routed then 's.routing_key' else 'null' end, _statement,
      -- Bodies of one row are those of neighbours, whatever a selector does; a source keeps the order.
      case when _source is null then ' order by s.key' || case when _params.descending then ' desc' else '' end end)
    loop
      if _size >= _most then
        _n := _n + pgjobs.add_items(_job_id, _keys, _targets, _codes, _details, _bodies, _routing_keys);
        _keys := '{}';
        _targets := '{}';
        _codes := '{}';
        _details := '{}';
        _bodies := '{}';
        _routing_keys := null;
        _size := 0;
      end if;
      if _record.code is not null and _record.code <> all (_known) then
        _known := _known || pgjobs.check_code(_record.code, _record.key, cardinality(_known));
      end if;
      _keys := _keys || _record.key;
      _targets := _targets || _record.target;
      _codes := _codes || _record.code;
      _details := _details || _record.detail;
      _bodies := _bodies || _record.body;
      if _routed then
        _routing_keys := _routing_keys || _record.routing_key;
      end if;
      _size := _size + greatest(octet_length(_record.body), _most / 128);
    end loop;
    _n := _n + pgjobs.add_items(_job_id, _keys, _targets, _codes, _details, _bodies, _routing_keys);
  exception
    when unique_violation then
      -- Key (job_id, key)=(12, 7) already exists.
      get stacked diagnostics _key = pg_exception_detail;
      perform pgjobs.refuse('PJ400', 'selection', 'selector',
        format('the selector %s gives key %s twice', _selector, coalesce(substring(_key from '=\([0-9]+, (-?[0-9]+)'), 'of a record')),
        'give each key once, then resume the job', 'public.xmp_job_types');
    when not_null_violation then
      perform pgjobs.refuse('PJ400', 'selection', 'selector', format('the selector %s gives a key that is null', _selector),
        'give each record a key, then resume the job', 'public.xmp_job_types');
    when data_exception then
      perform pgjobs.refuse_record(_job_id, sqlerrm);
  end;
  if _early then
    -- Nobody holds the job: what was stopped, cancelled, deleted or changed meanwhile has no items of this selection.
    perform set_config('lock_timeout', '5s', true);
    perform from public.xmp_jobs j
    where j.id = _job_id and j.status::text in ('ready', 'in progress') and (j.type, j.params, j.configuration) = (_job.type, _job.params, _job.configuration)
    for no key update;
    if not found then
      raise exception using errcode = '55P03', message = format('job %s was changed while its items were written', _job_id);
    end if;
  end if;
  perform pgjobs.count_items(_job_id, 'w', _n);
  update pgjobs.shards p
  set attempt = 1, round_at = pgjobs.now(), routed = _routed, expand = false,
      -- One that began meanwhile waits for this.
      due_at = case when _early and p.started_at is not null and p.owner is null and _job.active then pgjobs.now() else p.due_at end
  where p.job_id = _job_id and p.shard = 0;
  delete from pgjobs.file_loads f where f.job_id = _job_id;
  return _n;
end;
$$;
comment on function pgjobs.expand_items(bigint, boolean) is
  'Writes the selection of a tracked job into pgjobs.items and pgjobs.item_bodies, once and all or nothing; how many there are. Null: it was done before. _early: before it begins, as expand_soon() asks for; one that is stopped, deleted or changed meanwhile gets lock_not_available. Another writer at the same time gets lock_not_available. A record without a target is refused (no_target). Refuses (PJ400) a selector that gives a key twice or null, a code by which nothing can be counted, or a record that can''t be selected.';
