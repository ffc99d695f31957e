-- Reads: xmp_jobs   Writes: nothing
create or replace function pgjobs.mailing_records(job bigint, shard integer, after_key bigint, end_key bigint)
returns text
language sql
stable
set search_path = pg_catalog, pg_temp
as $$
  select format($statement$
    select e.number as key, e.id as target, case when p.phone is null then 'bad_phone' end as code, null::text as detail,
           json_build_object('id', '%s-' || e.number, 'phone', p.phone, 'text', %L::text)::text as body
    from pgjobs.entities e
    cross join lateral (select substring(e.attributes ->> 'phone' from '^7[0-9]{10}$')::bigint) p (phone)
    where e.type = 'client' and e.number > %s and e.number <= %s%s%s
    order by e.number $statement$,
    job, j.params ->> 'text', coalesce(after_key, 0), coalesce(end_key, 9223372036854775807),
    case when j.params ? 'client_operator_code_filter' then format(' and e.attributes ->> ''operator_code'' = %L', j.params ->> 'client_operator_code_filter') end,
    case when j.params ? 'client_tag_filter' then format(' and e.tags @> array[%L]', j.params ->> 'client_tag_filter') end)
  from public.xmp_jobs j
  where j.id = job
$$;
comment on function pgjobs.mailing_records(bigint, integer, bigint, bigint) is
  'Selector of the type mailing: the clients of the directory, those alone that the filters in params name exactly. The message is {"id", "phone", "text"}; the id is what its consumer answers with.';
