-- Reads: nothing   Writes: nothing
create or replace function pgjobs.check_pattern_text(_pattern text, _place text)
returns void
language plpgsql
stable
set search_path = pg_catalog, pg_temp
as $$
begin
  -- What may take exponential time, or much memory, whatever it is compared with.
  if length(_pattern) > 200 or _pattern ~ '\\[1-9]' or _pattern ~ '[{][0-9]{3,}|[{][0-9]*,[0-9]{3,}' or (select count(*) from regexp_matches(_pattern, '[{]', 'g')) > 5 then
    perform pgjobs.refuse('PJ400', 'bad_filter', _place, format('%s: this regular expression is not allowed here', _place),
      'give at most 200 characters, without back references, and with at most five repetitions in braces, each below 100');
  end if;
  begin
    perform '' ~ _pattern;
  exception when data_exception then
    perform pgjobs.refuse('PJ400', 'bad_filter', _place, format('%s: %s', _place, sqlerrm), 'like takes a regular expression that is found anywhere: "dev-.*"');
  end;
end;
$$;
comment on function pgjobs.check_pattern_text(text, text) is
  'Refuses (PJ400) what is no regular expression, and one that could take very long.';
