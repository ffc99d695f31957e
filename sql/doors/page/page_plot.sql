-- Reads: nothing   Writes: nothing
create or replace function pgjobs.page_plot(_id bigint, _points integer)
returns jsonb
language plpgsql
stable
security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  return null;
end;
$$;
comment on function pgjobs.page_plot(bigint, integer) is
  'How a job went over its life, from its checkpoints, in so many points at most; null where nothing is known.';
