-- Reads: xmp_jobs, item_counts, item_totals, open_totals   Writes: nothing
create or replace function pgjobs.mailing_statistics(_id bigint default null)
returns text
language plpgsql
stable
security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  if _id is null then
    return json_build_object('message_data', pgjobs.message_data(), 'total_mailings',
      (select coalesce(sum(t.n), 0) from pgjobs.item_totals t where t.type = 'mailing' and t.status = 'j'));
  end if;
  if not exists (select from public.xmp_jobs j where j.id = _id and j.type::text = 'mailing' and j.deleted_at is null) then
    perform pgjobs.refuse('PJ404', 'unknown_mailing', '', format('there is no mailing %s', _id), 'its id is in the answer to the POST that has made it', '');
  end if;
  return json_build_object('message_data', pgjobs.message_data(_id));
end;
$$;
comment on function pgjobs.mailing_statistics(bigint) is
  'The statistics of a mailing as JSON, or those over all that are shown; refuses (PJ404) where there is none.';
