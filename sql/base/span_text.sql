-- Reads: nothing   Writes: nothing
create or replace function pgjobs.span_text(_span interval)
returns text
language sql
immutable
set search_path = pg_catalog, pg_temp
as $$
  select case
    when s.seconds < 120 then round(greatest(s.seconds, 0)) || ' s'
    when s.seconds < 7200 then round(s.seconds / 60) || ' min'
    when s.seconds < 172800 then round(s.seconds / 3600) || ' h'
    else round(s.seconds / 86400) || ' days' end
  from (select extract(epoch from _span)) s (seconds);
$$;
comment on function pgjobs.span_text(interval) is 'A span of time in one rounded unit, for a sentence.';
