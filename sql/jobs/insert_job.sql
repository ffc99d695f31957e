-- Reads: nothing   Writes: xmp_jobs (a new row)
create or replace function pgjobs.insert_job(_columns jsonb)
returns bigint
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
set timezone = 'UTC'
as $$
declare
  _id bigint;
begin
  -- Literals take any type that the operator gave these columns.
  execute (select format('insert into public.xmp_jobs (%s) values (%s) returning id', string_agg(quote_ident(c.key), ', '),
                         string_agg(quote_nullable(c.value #>> '{}'), ', '))
           from jsonb_each(_columns) c where c.value <> 'null')
  into _id;
  if _id is null then
    raise exception using errcode = 'object_not_in_prerequisite_state',
      message = 'a trigger, a rule or a row security policy suppresses new rows of xmp_jobs';
  end if;
  return _id;
end;
$$;
comment on function pgjobs.insert_job(jsonb) is
  'Inserts a job with these columns, whatever types the operator gave them, and answers with its number; null leaves a column out.';
