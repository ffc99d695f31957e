-- Reads: nothing   Writes: nothing
create or replace function pgjobs.partner_records(_job_id bigint, _shard integer, _after_key bigint, _end_key bigint)
returns text
language sql
stable
set search_path = pg_catalog, pg_temp
as $$
  -- Line 0 is what every item of the payload is sent with: a JSON object that is left open for the item.
  select format(
    'select l.line_no as key, l.msisdn as target, null::text as code, null::text as detail,'
    ' (select convert_from(h.raw, ''UTF8'') from pgjobs.injection_lines h where h.job_id = %1$s and h.line_no = 0)'
    ' || '', "item": '' || convert_from(l.raw, ''UTF8'') || ''}'' as body'
    ' from pgjobs.injection_lines l where l.job_id = %1$s and l.line_no > %2$s and l.line_no <= %3$s order by l.line_no',
    _job_id, greatest(_after_key, 0), coalesce(_end_key, 9223372036854775807));
$$;
comment on function pgjobs.partner_records(bigint, integer, bigint, bigint) is
  'Selector of the types of the partner door: the items of the payload in their order, as submit_partner_job() has stored them; each is sent with the app, the partner, the method, the arguments, and what the payload has besides its items.';
