-- A database that was migrated when these two indexes still compared words gets them anew, without blocking the operator's writers.
-- depends: 0005.earlier-lines
-- transactional: false

do $$
declare
  _index text;
begin
  foreach _index in array array['pgjobs_expired_msisdn_id_idx', 'pgjobs_transactions_paid_idx'] loop
    -- One whose building broke off stays behind invalid, and "if not exists" would take it for done.
    if exists (select from pg_catalog.pg_index i where i.indexrelid = to_regclass('public.' || _index) and not i.indisvalid) then
      execute format('drop index public.%I', _index);
    elsif pg_get_indexdef(to_regclass('public.' || _index)) not like '%COLLATE "C"%' then
      execute format('alter index public.%I rename to %I', _index, _index || '_of_words');
    end if;
  end loop;
end
$$;

create index concurrently if not exists pgjobs_expired_msisdn_id_idx on public.xmp_retries_expired (msisdn collate "C", id)
  include (created_at, id_service, id_campaign);
create index concurrently if not exists pgjobs_transactions_paid_idx on public.xmp_transactions (msisdn collate "C", sent_at)
  where result in ('paid', 'retry_paid', 'injection_paid', 'expired_paid');
drop index concurrently if exists public.pgjobs_expired_msisdn_id_idx_of_words;
drop index concurrently if exists public.pgjobs_transactions_paid_idx_of_words;
