-- Reads: xmp_jobs, pg_attribute, pg_roles   Writes: nothing
create or replace function pgjobs.remarks()
returns setof text
language plpgsql
stable
set search_path = pg_catalog, pg_temp
as $$
declare
  _ids bigint[];
  _table text;
  _columns text;
begin
  return query select s.remark from pgjobs.index_steps() s where s.remark is not null;
  return query
    select format('group %s does not exist, so nobody is granted what it may do; as a role with CREATEROLE: create role %s nologin, then run: pgjobs migrate', g, g)
    from unnest(array['pgjobs_viewer', 'pgjobs_operator']) g
    where not exists (select from pg_roles r where r.rolname = g);
  _ids := array(select j.id from public.xmp_jobs j where j.status::text = 'ready' and not isfinite(j.run_at) order by j.id limit 6);
  if _ids <> '{}' then
    return next format('jobs that are ready have an infinite run_at, which no clock reaches: %s%s; give them a moment, or cancel them',
      array_to_string(_ids[1:5], ', '), case when cardinality(_ids) > 5 then ', …' else '' end);
  end if;
  for _table, _columns in
    select w.relation, string_agg(array_to_string(w.names, ' or '), ', ' order by w.names)
    from (
      select t.relation, string_to_array(c.names, '|') as names
      from (values
        ('xmp_retries_expired', 'id,msisdn,tid,created_at,last_pay_attempt_at,attempts_count,price,keep_days|retry_days,delay_hours,operator_code,country_code,id_service,id_subscription,id_campaign'),
        ('xmp_subscriptions', 'id,msisdn,tid,created_at,last_pay_attempt_at,attempts_count,price,keep_days|retry_days,delay_hours,paid_hours,operator_code,country_code,id_service,id_campaign,pixel,publisher,result'),
        ('xmp_transactions', 'msisdn,sent_at,result'),
        ('xmp_services', 'id,price'),
        ('xmp_msisdn_blacklist', 'msisdn'),
        ('xmp_msisdn_postpaid', 'msisdn')) t (relation, columns),
        unnest(string_to_array(t.columns, ',')) c (names)) w
    where not exists (
      select from pg_attribute a
      where a.attrelid = to_regclass('public.' || w.relation) and a.attname = any (w.names) and not a.attisdropped)
    group by w.relation
  loop
    return next format('table %s has no column %s; what needs it does without it or is refused', _table, _columns);
  end loop;
end;
$$;
comment on function pgjobs.remarks() is
  'What migrate leaves to people, a sentence each: groups and indexes that are not ours to make, jobs whose moment never comes, columns of the operator''s tables that are nowhere.';
