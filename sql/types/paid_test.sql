-- Reads: pg_attribute, pg_enum   Writes: nothing
create or replace function pgjobs.paid_test(_params pgjobs.job_params, _msisdn text)
returns text
language sql
stable
set search_path = pg_catalog, pg_temp
as $$
  select case
    when _params.never or _params.last_charge_at is not null then coalesce(format(
      'exists (select from (select t.sent_at from public.xmp_transactions t where t.msisdn = %s collate "C"'
      ' and t.result in (' || pgjobs.known_words('public.xmp_transactions', 'result', '{paid,retry_paid,injection_paid,expired_paid}')
      || ') offset 0) t%s)',
      _msisdn, case when not _params.never then format(' where t.sent_at > %s',
        pgjobs.moment_literal(_params.last_charge_at, 'public.xmp_transactions', 'sent_at')) end), 'false')
    else 'false'
  end;
$$;
comment on function pgjobs.paid_test(pgjobs.job_params, text) is
  'The condition that an msisdn has paid: ever (never), or after a moment (last_charge_at); false where the job does not ask. The msisdn is an expression of the selector, never of a user. offset 0 keeps it one look-up by msisdn per row: neither a hash of the whole table nor another index, whatever the statistics say; bytes are compared, which is what equal means under any collation, only sooner.';
