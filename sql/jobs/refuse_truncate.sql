-- Reads: nothing   Writes: nothing
create or replace function pgjobs.refuse_truncate()
returns trigger
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  perform pgjobs.refuse('PJ409', 'truncate', 'id', 'xmp_jobs can''t be truncated: what the engine keeps of its jobs would stay behind',
    'use delete from xmp_jobs');
  return null;
end;
$$;
comment on function pgjobs.refuse_truncate() is
  'Trigger: keeps xmp_jobs from being emptied behind the engine''s back, so that a new job never finds the progress of an old one of the same number.';
