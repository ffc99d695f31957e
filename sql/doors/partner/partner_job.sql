-- Reads: xmp_jobs, xmp_job_types, shards, item_counts, cancellations, switch   Writes: nothing
create or replace function pgjobs.partner_job(_guid uuid, _actor text, _all boolean)
returns json
language sql
stable
security definer
set search_path = pg_catalog, pg_temp
as $$
  -- json, not jsonb: the keys stay in this order.
  select json_build_object(
    'app', j.type::text,
    'args', case when r.own then
        (select json_object_agg(a.value ->> 0, a.value -> 1 order by a.n) from jsonb_array_elements(j.request -> 'args') with ordinality a (value, n))
      else
        (select coalesce(json_object_agg(p.key, jsonb_build_array(p.value) order by p.key), '{}') from jsonb_each(j.params) p)
      end,
    'command_started_at', to_char(
      coalesce((select p.started_at from pgjobs.shards p where p.job_id = j.id and p.shard = 0), pgjobs.utc(j.created_at)) at time zone 'UTC',
      'YYYY-MM-DD HH24:MI:SS"Z"'),
    'file_count', (r.own or coalesce(j.file_name::text, '') <> '')::integer,
    'partner', case when r.own then j.request ->> 'partner' else 'pgjobs' end,
    'status_code', s.code,
    'status_message', case s.code when 200 then 'Processed' when 202 then 'Processing' else 'Internal Server Error' end,
    'cinx_id', json_build_object('id', pgjobs.guid_of(j.id, j.guid), 'domain', 'pig', 'type', 'PIG-UPLOAD'))
  from public.xmp_jobs j
  cross join lateral (select coalesce(j.request ->> 'door' = 'partner', false)) r (own)
  -- offset 0: the state is looked up once, not wherever it is named.
  cross join lateral (select pgjobs.job_state(j) as state offset 0) t
  cross join lateral pgjobs.state_words(t.state) w
  cross join lateral (select case when w.partner = 200 and pgjobs.has_failed(j.id) then 500 else w.partner end) s (code)
  where j.id = pgjobs.job_of_guid(_guid) and (_all or j.submitted_by = _actor);
$$;
comment on function pgjobs.partner_job(uuid, text, boolean) is
  'A job as the partner door shows it: its arguments, each as an array, and whether it is processed (200), not yet (202), or failed (500): it broke off, was stopped, or has failed items that count (fails_with). Null where there is none of this GUID, or where somebody else submitted it and the caller does not see all of them.';
