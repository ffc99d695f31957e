-- Reads: xmp_jobs, xmp_job_types, and what job_state and state_remark read   Writes: nothing
create or replace function pgjobs.page_head(_id bigint)
returns jsonb
language plpgsql
stable
set search_path = pg_catalog, pg_temp
as $$
begin
  perform pgjobs.need_job(_id);
  return (
    select jsonb_build_object(
      'id', j.id::text, 'name', pgjobs.clipped(j.name, 200), 'type', j.type::text, 'word', w.page,
      'remark', pgjobs.state_remark(j.id, s.state), 'tracked', coalesce(t.tracked, false))
    from public.xmp_jobs j
    left join public.xmp_job_types t on t.name = j.type::text
    cross join lateral (select pgjobs.job_state(j) as state) s
    cross join lateral pgjobs.state_words(s.state) w
    where j.id = _id);
end;
$$;
comment on function pgjobs.page_head(bigint) is
  'What stands at the top of each page about a job: id, name, type, the word of its status and what it leaves open, and whether it keeps items (tracked). Refuses (PJ404) where there is no such job.';
