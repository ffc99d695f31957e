-- Reads: xmp_jobs, progress   Writes: nothing
create or replace function pgjobs.guard_type()
returns trigger
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  _begun bigint;
begin
  if new.selector !~ '^[A-Za-z_][A-Za-z0-9_$]*(\.[A-Za-z_][A-Za-z0-9_$]*)?$' then
    perform pgjobs.refuse('PJ400', 'bad_selector', 'selector',
      format('selector: %L is not the name of a function', left(new.selector, 100)), 'give it as schema.name');
  end if;
  if new.shards not between 1 and 64 then
    perform pgjobs.refuse('PJ400', 'bad_shards', 'shards', format('shards: %s is out of range', new.shards), 'give a number from 1 to 64');
  end if;
  if jsonb_typeof(new.defaults) <> 'object' then
    perform pgjobs.refuse('PJ400', 'bad_defaults', 'defaults', 'defaults: it has to be a JSON object', 'write {} for none');
  end if;
  if tg_op = 'UPDATE' and (new.name, new.selector, new.needs_file) is distinct from (old.name, old.selector, old.needs_file) then
    select j.id into _begun
    from public.xmp_jobs j
    where j.type::text = old.name::text and j.status::text <> 'done'
      and exists (select from pgjobs.progress p where p.job_id = j.id)
    order by j.id
    limit 1;
    if found then
      perform pgjobs.refuse('PJ409', 'started', 'selector',
        format('job %s of type %s has begun: name, selector and needs_file stay as they are', _begun, old.name),
        'add another type, or wait until its jobs are done');
    end if;
  end if;
  return new;
end;
$$;
comment on function pgjobs.guard_type() is
  'Trigger: refuses a row of xmp_job_types that no job could run with, and another selection under jobs that have begun.';
