-- Reads: xmp_jobs, items   Writes: nothing
create or replace function pgjobs.client_log(_client bigint, _before bigint default null, _deleted boolean default false)
returns text
language plpgsql
stable
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  _most constant integer := 1000;
  _mailings constant bigint[] := pgjobs.newest_jobs(null, 'mailing', _most, _before);
begin
  return json_build_object(
    'messages', (
      select coalesce(json_agg(pgjobs.message_json(i) order by i.job_id desc), '[]')
      from unnest(_mailings) m (id)
      join public.xmp_jobs j on j.id = m.id and (j.deleted_at is null or _deleted)
      join pgjobs.items i on i.job_id = m.id and i.key = any (pgjobs.message_keys(m.id, _client))),
    'next', case when cardinality(_mailings) = _most then _mailings[_most] end);
end;
$$;
comment on function pgjobs.client_log(bigint, bigint, boolean) is
  'The messages to a client as JSON, newest first, also to one that was removed: those of the last 1000 mailings, or of the 1000 before one. next: what to give as _before for the mailings before these; null: there are none. _deleted: also those of mailings that were deleted.';
