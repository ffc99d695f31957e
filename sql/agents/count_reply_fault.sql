-- Reads: nothing   Writes: reply_faults
create or replace function pgjobs.count_reply_fault(_kind text, _body text, _n bigint default 1)
returns void
language sql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
  insert into pgjobs.reply_faults as f (kind, n, last_at, sample)
  values (_kind, _n, clock_timestamp(), left(_body, 200))
  on conflict (kind) do update set n = f.n + excluded.n, last_at = excluded.last_at, sample = excluded.sample;
$$;
comment on function pgjobs.count_reply_fault(text, text, bigint) is
  'Counts messages on a reply queue that could not be used, with the beginning of the last one.';
