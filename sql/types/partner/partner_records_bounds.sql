-- Reads: injection_lines   Writes: nothing
create or replace function pgjobs.partner_records_bounds(_job_id bigint)
returns table (start_key bigint, first_key bigint, end_key bigint, total bigint, send_limit bigint)
language sql
stable
set search_path = pg_catalog, pg_temp
as $$
  -- They are numbered without a gap.
  select null::bigint, case when m.n > 0 then 1::bigint end, nullif(m.n, 0), m.n, null::bigint
  from (select coalesce(max(l.line_no), 0) as n from pgjobs.injection_lines l where l.job_id = _job_id) m;
$$;
comment on function pgjobs.partner_records_bounds(bigint) is 'First and last item of a partner''s payload, and how many there are.';
