-- Reads: nothing   Writes: nothing
create or replace function pgjobs.check_tracking(_type public.xmp_job_types)
returns void
language plpgsql
stable
set search_path = pg_catalog, pg_temp
as $$
declare
  _table constant text := 'public.xmp_job_types';
  _name text;
  _value interval;
begin
  if _type.retry_limit not between 0 and 1000 then
    perform pgjobs.refuse('PJ400', 'bad_retry_limit', 'retry_limit', format('retry_limit: %s is out of range', _type.retry_limit),
      'give a number from 0 to 1000', _table);
  end if;
  for _name, _value in values ('execution_limit', _type.execution_limit), ('ack_limit', _type.ack_limit) loop
    if _value <= interval '0' or _value > interval '1000 years' then
      perform pgjobs.refuse('PJ400', 'bad_' || _name, _name, format('%s: %s is no time that an attempt could last', _name, _value),
        'give an interval such as 60 s, or null for no limit', _table);
    end if;
  end loop;
  if _type.delay_to_retry < interval '0' or _type.delay_to_retry > interval '1000 years' then
    perform pgjobs.refuse('PJ400', 'bad_delay_to_retry', 'delay_to_retry', format('delay_to_retry: %s is no time that an item could wait', _type.delay_to_retry),
      'give an interval such as 30 s, or 0', _table);
  end if;
  if _type.retry_growth < 1 or _type.retry_growth > 10 then
    perform pgjobs.refuse('PJ400', 'bad_retry_growth', 'retry_growth', format('retry_growth: %s is out of range', _type.retry_growth),
      'give a number from 1 to 10; 2 doubles each wait', _table);
  end if;
  if _type.fails_with not in ('any', 'all') then
    perform pgjobs.refuse('PJ400', 'bad_fails_with', 'fails_with', format('fails_with: %L is unknown', left(_type.fails_with, 100)),
      'use any or all, or null where the end of a job says nothing of its items', _table);
  end if;
  if _type.fails_with is not null and not _type.tracked then
    perform pgjobs.refuse('PJ400', 'bad_fails_with', 'fails_with', 'fails_with: a type that is not tracked has no items that could fail',
      'set fails_with to null, or tracked to true', _table);
  end if;
  if _type.tracked and _type.keep_refused then
    perform pgjobs.refuse('PJ400', 'bad_keep_refused', 'keep_refused', 'keep_refused: the records of a tracked type are items, which keep what was refused',
      'set keep_refused or tracked to false', _table);
  end if;
  if _type.keep_the_last < 1 then
    perform pgjobs.refuse('PJ400', 'bad_keep_the_last', 'keep_the_last', format('keep_the_last: %s is out of range', _type.keep_the_last),
      'give a number of 1 or more, or null to keep what there is of all jobs', _table);
  end if;
  if _type.tracked and _type.selector is not null and _type.schedule -> 'local_time' = 'true' then
    perform pgjobs.check_zones(true, _type.selector, _table);
  end if;
end;
$$;
comment on function pgjobs.check_tracking(public.xmp_job_types) is
  'Refuses what a type says of its items where it can''t be right, naming the column.';
