-- The selection as somebody would write it by hand: a date range, nobody who has ever paid.
select r.id, r.msisdn, r.tid, r.operator_code, r.country_code, r.id_service, r.id_campaign, r.id_subscription,
       r.created_at, r.last_pay_attempt_at, r.price, r.keep_days, r.delay_hours
from public.xmp_retries_expired r
where r.created_at >= %(date_from)s and r.created_at < %(date_to)s
  and not exists (
    select from public.xmp_transactions t
    where t.msisdn = r.msisdn collate "C" and t.result in ('paid', 'retry_paid', 'injection_paid', 'expired_paid'))
order by r.id
