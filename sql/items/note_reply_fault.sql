-- Reads: nothing   Writes: reply_faults
create or replace function pgjobs.note_reply_fault(_kind text, _sample text)
returns void
language sql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
  insert into pgjobs.reply_faults as x (kind, n, last_at, sample)
  values (_kind, 1, clock_timestamp(), left(_sample, 200))
  on conflict (kind) do update set n = x.n + 1, last_at = excluded.last_at, sample = excluded.sample;
$$;
comment on function pgjobs.note_reply_fault(text, text) is 'Counts an answer that could not be taken in, by the kind of its fault.';
