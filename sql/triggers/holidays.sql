-- The trigger of pgjobs.holidays.
create or replace trigger pgjobs_20_apply
after insert or update or delete on pgjobs.holidays
for each statement execute function pgjobs.apply_holidays();
