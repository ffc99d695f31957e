-- Reads: xmp_jobs, pg_index   Writes: events
create or replace function pgjobs.remark_equal_job()
returns trigger
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  _equal record;
  _age interval;
begin
  -- Without the index the whole table would be read.
  if not exists (select from pg_index i where i.indexrelid = to_regclass('public.pgjobs_jobs_equal_idx') and i.indisvalid) then
    return null;
  end if;
  select n.* into _equal
  from (
    select j.id, j.status, j.created_at, j.type, j.id_user, j.params, j.file_name, j.xmin as inserted_by
    from public.xmp_jobs j
    -- The entries of the index before the new one. Asked for equality and an order by id, the server may read another index
    -- from its end, or sort all that are equal.
    where (jsonb_hash_extended(j.params, hashtextextended(j.file_name, j.id_user)), j.id)
        < (jsonb_hash_extended(new.params, hashtextextended(new.file_name, new.id_user)), new.id)
    order by jsonb_hash_extended(j.params, hashtextextended(j.file_name, j.id_user)) desc, j.id desc
    limit 3
  ) n
  where n.type = new.type and n.id_user = new.id_user and n.params = new.params and n.file_name = new.file_name
  limit 1;
  _age := pgjobs.now() - pgjobs.utc(_equal.created_at);
  -- Who inserts it twice in one transaction does so on purpose.
  if found and _age < interval '1 day' and _equal.inserted_by <> pg_current_xact_id()::xid then
    perform pgjobs.add_event(new.id, null, null,
      format('the same job (user, type, params and file) was inserted %s ago as job %s, which is %s',
        pgjobs.span_text(_age),
        _equal.id, _equal.status));
  end if;
  return null;
end;
$$;
comment on function pgjobs.remark_equal_job() is
  'Trigger: remarks in the events of a new job that an equal one, with the same user, type, params and file, was inserted within a day: perhaps a double click. It refuses nothing; an idempotency key does.';
