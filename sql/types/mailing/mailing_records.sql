-- Reads: xmp_jobs   Writes: nothing
create or replace function pgjobs.mailing_records(job bigint, shard integer, after_key bigint, end_key bigint)
returns text
language sql
stable
set search_path = pg_catalog, pg_temp
as $$
  select format($statement$
    select k.key, e.id as target, case when p.phone is null then 'bad_phone' end as code, null::text as detail,
           json_build_object('id', '%s-' || k.key, 'phone', p.phone, 'text', %L::text)::text as body
    from pgjobs.entities e%s
    cross join lateral (select %s::bigint) k (key)
    cross join lateral (select substring(e.attributes ->> 'phone' from '^7[0-9]{10}$')::bigint) p (phone)
    where e.type = 'client' and k.key > %s and k.key <= %s%s%s
    order by k.key $statement$,
    job, j.params ->> 'text',
    case when l.counts then
      ' join pgjobs.client_zones() z on z.timezone = coalesce(e.attributes ->> ''timezone'', '''')' end,
    case when l.counts then 'z.slot * 1099511627776 + e.number' else 'e.number' end,
    coalesce(after_key, 0), coalesce(end_key, 9223372036854775807),
    case when j.params ? 'client_operator_code_filter' then format(' and e.attributes ->> ''operator_code'' = %L', j.params ->> 'client_operator_code_filter') end,
    case when j.params ? 'client_tag_filter' then format(' and e.tags @> array[%L]', j.params ->> 'client_tag_filter') end)
  from public.xmp_jobs j
  cross join lateral (select coalesce(j.schedule -> 'local_time' = 'true', false)) l (counts)
  where j.id = job
$$;
comment on function pgjobs.mailing_records(bigint, integer, bigint, bigint) is
  'Selector of the type mailing: the clients of the directory, those alone that the filters in params name exactly. The message is {"id", "phone", "text"}; the id is what its consumer answers with. The key is the number of the client; where local time counts, behind the offset of its zone (2^40 times its slot, see client_zones()), so that the clients of one offset are a range.';
