-- Reads: nothing   Writes: nothing
create or replace function pgjobs.repeating_words(_repeating jsonb)
returns text
language sql
immutable
set search_path = pg_catalog, pg_temp
as $$
  select case
    when _repeating ? 'period' then format('every %s%s',
      case when q.each = '1' then rtrim(q.unit, 's') else q.each || ' ' || q.unit end,
      coalesce(' by the clock of ' || (_repeating #>> '{period,zone}'), ''))
    when p.pattern ? 'weekly' then format('every week on %s at %s',
      (select string_agg(initcap(d), ', ' order by n) from jsonb_array_elements_text(p.pattern #> '{weekly,days}') with ordinality d (d, n)), p.clock)
    when p.pattern ? 'monthly' then format('on day %s of %s at %s', p.pattern #>> '{monthly,day}',
      coalesce((select string_agg(initcap(m), ', ' order by n) from jsonb_array_elements_text(p.pattern #> '{monthly,months}') with ordinality m (m, n)), 'every month'),
      p.clock)
    when p.pattern ? 'yearly' then format('every year on %s %s at %s', p.pattern #>> '{yearly,day}', initcap(p.pattern #>> '{yearly,month}'), p.clock)
    when p.pattern is not null then 'every day at ' || p.clock end
  from (select _repeating #>> '{period,each}' as each, lower(_repeating #>> '{period,unit}') as unit) q
  cross join (
    select _repeating -> 'pattern' as pattern,
      concat_ws(' ', _repeating #>> '{pattern,time}',
        coalesce(_repeating #>> '{pattern,zone}', case when _repeating #>> '{pattern,time}' !~ '[Z+-]' then 'UTC' end)) as clock) p;
$$;
comment on function pgjobs.repeating_words(jsonb) is
  'When a task repeats, in words: every 5 minutes, every week on Mon, Fri at 22:44 Europe/Madrid.';
