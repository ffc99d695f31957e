-- Reads: nothing   Writes: nothing
create or replace function pgjobs.mended_json(_text text)
returns text
language plpgsql
immutable
set search_path = pg_catalog, pg_temp
as $$
declare
  -- No JSON has them.
  _escaped constant text := chr(1);
  _paired constant text := chr(2);
  _mended text;
begin
  -- An escaped backslash begins no escape.
  _mended := replace(_text, '\\', _escaped);
  _mended := regexp_replace(_mended, '\\u0000', '\\ufffd', 'g');
  _mended := regexp_replace(_mended, '\\u[dD][89abAB][[:xdigit:]]{2}(?!\\u[dD][c-fC-F])', '\\ufffd', 'g');
  -- What is left of first halves has its second one; a look behind would take its square of time.
  _mended := regexp_replace(_mended, '(\\u[dD][89abAB][[:xdigit:]]{2})\\u', '\1' || _paired, 'g');
  _mended := regexp_replace(_mended, '\\u[dD][c-fC-F][[:xdigit:]]{2}', '\\ufffd', 'g');
  _mended := replace(_mended, _paired, '\u');
  _mended := replace(_mended, _escaped, '\\');
  return regexp_replace(_mended, '([:,[]\s*)-?(?:NaN|Infinity)(?=\s*[],}])', '\1null', 'g');
end;
$$;
comment on function pgjobs.mended_json(text) is
  'Text that jsonb refuses, as it can perhaps be read: Python writes NaN and Infinity, which become null, and in texts zero characters and halves of surrogate pairs, which become U+FFFD.';
