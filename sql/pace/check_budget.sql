-- Reads: nothing   Writes: nothing
create or replace function pgjobs.check_budget(_budget jsonb, _table text default 'public.xmp_jobs')
returns void
language plpgsql
stable
set search_path = pg_catalog, pg_temp
as $$
declare
  _errors constant jsonb := _budget -> 'errors';
  _most constant numeric := 1000000000000;
  _example constant text := 'write {"count": 100}, {"share": 0.05, "after": 1000} or both together';
begin
  -- Nearly every job has none.
  if _budget = '{}' then
    return;
  end if;
  perform pgjobs.check_keys(_budget, 'budget', '{canary,errors}', _table);
  if jsonb_typeof(_errors) = 'object' then
    perform pgjobs.check_keys(_errors, 'budget.errors', '{after,count,share}', _table);
    if not _errors ?| '{count,share}' then
      perform pgjobs.refuse_field('budget.errors', 'it has neither count nor share', _example, _table);
    end if;
    if _errors ? 'after' and not _errors ? 'share' then
      perform pgjobs.refuse_field('budget.errors.after', 'it has no effect without share', _example, _table);
    end if;
    if _errors ? 'count' then
      perform pgjobs.check_number(_errors -> 'count', 'budget.errors.count', 0, _most, true, _example, _table);
    end if;
    if _errors ? 'share' then
      perform pgjobs.check_number(_errors -> 'share', 'budget.errors.share', 0, 1, false, 'write 5 % as 0.05', _table);
    end if;
    if _errors ? 'after' then
      perform pgjobs.check_number(_errors -> 'after', 'budget.errors.after', 0, _most, true,
        'say how many records the share needs at least, such as 1000', _table);
    end if;
  elsif _errors is not null then
    perform pgjobs.check_number(_errors, 'budget.errors', 0, _most, true, 'write a number such as 100, or an object: ' || _example, _table);
  end if;
  if _budget ? 'canary' then
    perform pgjobs.check_keys(_budget -> 'canary', 'budget.canary', '{first}', _table);
    perform pgjobs.check_number(_budget #> '{canary,first}', 'budget.canary.first', 1, _most, true,
      'say after how many records the job is to wait, such as {"first": 500}', _table);
  end if;
end;
$$;
comment on function pgjobs.check_budget(jsonb, text) is
  'Refuses a budget that is wrong in any key, with the path of the key as field (budget.errors.share) and the remedy. _table says whose column it is.';
