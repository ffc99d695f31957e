-- Reads: xmp_job_types   Writes: nothing
create or replace function pgjobs.check_rules(_rules jsonb, _type text, _table text default 'public.xmp_jobs')
returns void
language plpgsql
stable
set search_path = pg_catalog, pg_temp
as $$
declare
  _name text;
  _none boolean := false;
begin
  -- Nearly every job has none.
  if _rules = '{}' then
    return;
  end if;
  if exists (select from public.xmp_job_types t where t.name = _type and not t.tracked) then
    perform pgjobs.refuse_field('rules', format('a job of type %s keeps no items, and they would have no effect', _type),
      'write {}, or take a type that is tracked', _table);
  end if;
  -- What may be without a limit may lose the one of its type.
  perform pgjobs.check_keys(case when jsonb_typeof(_rules) = 'object' then
      (select coalesce(jsonb_object_agg(e.key, e.value), '{}') from jsonb_each(_rules) e
       where e.value <> 'null' or e.key not in ('execution_limit', 'ack_limit', 'retry_results'))
    else _rules end, 'rules', '{execution_limit,ack_limit,retry_limit,delay_to_retry,retry_results}', _table);
  foreach _name in array '{execution_limit,ack_limit}'::text[] loop
    if _rules -> _name <> 'null' then
      perform pgjobs.check_interval(_rules -> _name, 'rules.' || _name, _table);
    end if;
  end loop;
  begin
    _none := (_rules ->> 'delay_to_retry')::interval = interval '0';
  exception when data_exception then
    null;
  end;
  if _rules ? 'delay_to_retry' and _none is not true then
    perform pgjobs.check_interval(_rules -> 'delay_to_retry', 'rules.delay_to_retry', _table);
  end if;
  if _rules ? 'retry_limit' then
    perform pgjobs.check_number(_rules -> 'retry_limit', 'rules.retry_limit', 0, 1000, true, 'say how many further attempts an item has', _table);
  end if;
  if _rules -> 'retry_results' <> 'null' and (
       jsonb_typeof(_rules -> 'retry_results') <> 'array' or jsonb_path_exists(_rules -> 'retry_results', 'strict $[*] ? (@.type() != "string")')) then
    perform pgjobs.refuse_field('rules.retry_results', 'it is no list of results',
      'write a list such as ["ERROR_TIMEOUT"], or null for each result that is not good', _table);
  end if;
end;
$$;
comment on function pgjobs.check_rules(jsonb, text, text) is
  'Refuses rules of items that are wrong in any key, with the path of the key as field (rules.retry_limit) and the remedy; those of a type that keeps no items, too. _table says whose column it is.';
