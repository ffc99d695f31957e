-- Reads: nothing   Writes: nothing
create or replace function pgjobs.check_code(_code text, _key bigint, _known integer)
returns text
language plpgsql
stable
set search_path = pg_catalog, pg_temp
as $$
declare
  -- As pgjobs/engine/selected.py has it, which checks the codes of types that are not tracked.
  _most constant integer := 100;
begin
  if _code !~ '^(?!returned_)[a-z][a-z0-9_]{0,62}$' then
    perform pgjobs.refuse('PJ400', 'selection', 'selector',
      format('the code %L of key %s is not allowed: a code has small letters, digits and _, at most 63, begins with a letter and not with returned_',
        left(_code, 100), _key),
      'mend the selector and resume the job', 'public.xmp_job_types');
  end if;
  if _known >= _most then
    perform pgjobs.refuse('PJ400', 'selection', 'selector',
      format('the selector gives more than %s codes: what differs by record is its detail', _most),
      'mend the selector and resume the job', 'public.xmp_job_types');
  end if;
  return _code;
end;
$$;
comment on function pgjobs.check_code(text, bigint, integer) is
  'The code of an item; refuses (PJ400) one by which nothing can be counted, and one more than a job may have. _known: how many it has already.';
