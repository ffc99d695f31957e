-- Reads: nothing   Writes: retention
create or replace function pgjobs.set_retention(_what text, _keep interval)
returns void
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  if _keep < interval '1 day' then
    perform pgjobs.refuse('PJ400', 'bad_keep', 'keep', format('keep: %s is less than a day', _keep),
      'give a day or more, or null to keep it for ever', 'pgjobs.retention');
  end if;
  -- So long before now there is no timestamp.
  if _keep > interval '1000 years' then
    perform pgjobs.refuse('PJ400', 'bad_keep', 'keep', format('keep: %s is more than 1000 years', _keep),
      'give null to keep it for ever', 'pgjobs.retention');
  end if;
  update pgjobs.retention r set keep = _keep, next_at = '-infinity' where r.what = _what;
  if not found then
    perform pgjobs.refuse('PJ400', 'bad_what', 'what', format('what: %L is nothing that is cleared', left(_what, 100)),
      'use one of ' || (select string_agg(r.what, ', ' order by r.what) from pgjobs.retention r), 'pgjobs.retention');
  end if;
end;
$$;
comment on function pgjobs.set_retention(text, interval) is
  'Sets how long something is kept; null: for ever, or as long as its job. Refuses (PJ400) what is unknown, less than a day and more than 1000 years.';
