-- Reads: xmp_jobs, xmp_job_types, shards, job_counts, job_status, switch   Writes: nothing
create or replace function pgjobs.page_jobs(_given jsonb)
returns jsonb
language plpgsql
stable
security definer
set search_path = pg_catalog, pg_temp
set timezone = 'UTC'
as $$
declare
  _asked constant jsonb := pgjobs.page_list_asked(_given);
  _back constant boolean := (_asked ->> 'back')::boolean;
  _first constant boolean := not _back and jsonb_typeof(_asked -> 'position') = 'null';
  _found record;
begin
  select w.* into _found from pgjobs.page_list_walk(_asked) w;
  return jsonb_build_object(
    'asked', _asked,
    'jobs', pgjobs.page_list_rows(_found.ids),
    'previous', case
      when _back then case when _found.more then _found.keys[1] else _found.reached end
      when not _first then coalesce(_found.keys[1], 'end') end,
    'next', case
      when _back then _found.keys[cardinality(_found.keys)]
      else case when _found.more then _found.keys[cardinality(_found.keys)] else _found.reached end end,
    'looked', case when _found.reached is not null then _found.looked end,
    'first', _first,
    'newest', (pgjobs.newest_jobs(null, _asked ->> 'type', 1, null))[1]::text,
    'counts', pgjobs.page_counts(_asked ->> 'type'),
    'trouble', case when _first then pgjobs.page_trouble() end);
end;
$$;
comment on function pgjobs.page_jobs(jsonb) is
  'A page of the list of jobs: {"asked", "jobs", "previous", "next", "looked", "first", "newest", "counts", "trouble"}. previous and next are places for before and after; looked: so many jobs were looked through, and there may be more behind next (or before previous). Refuses (PJ400) parameters that it can''t read.';
