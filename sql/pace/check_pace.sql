-- Reads: holidays   Writes: nothing
create or replace function pgjobs.check_pace(_rate numeric, _max_backlog bigint, _schedule jsonb, _budget jsonb, _table text)
returns void
language plpgsql
stable
set search_path = pg_catalog, pg_temp
as $$
begin
  if _rate <= 0 or _rate in ('NaN', 'Infinity') or _rate > 1e9 or _rate < 0.0001 then
    perform pgjobs.refuse('PJ400', 'bad_rate', 'rate', format('rate: %s is no number of records per second', _rate),
      'give a number from 0.0001 to 1000000000, or null for no limit; active = false publishes nothing', _table);
  end if;
  if _max_backlog < 1 then
    perform pgjobs.refuse('PJ400', 'bad_max_backlog', 'max_backlog', format('max_backlog: %s is no number of messages', _max_backlog),
      'give a number from 1 on, or null for no limit', _table);
  end if;
  perform pgjobs.check_schedule(_schedule, _table);
  perform pgjobs.check_budget(_budget, _table);
end;
$$;
comment on function pgjobs.check_pace(numeric, bigint, jsonb, jsonb, text) is
  'Refuses (PJ400) limits that cannot be right, of a job or of a type, with the field and the remedy.';
