-- Reads: nothing   Writes: paces
create or replace function pgjobs.spend_rate(_job_id bigint, _type text, _rate numeric, _type_rate numeric, _wanted integer)
returns table (at_most integer, delay interval)
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
as $$
declare
  _lowest constant numeric := least(_rate, _type_rate);
  -- A fifth of a second's worth at a time, and half a second of unused time at most: less than one second's worth at once.
  _n constant integer := least(_wanted, greatest(1, _lowest * 0.2));
  _kept constant interval := interval '0.5 s';
  _mine constant text := 'job ' || _job_id;
  _its_type constant text := 'type ' || _type;
  _now timestamptz;
  _start timestamptz;
  _next timestamptz;
begin
  if _lowest is null then
    return query select _wanted, interval '0';
    return;
  end if;
  insert into pgjobs.paces (what, next_at)
  select w.what, pgjobs.now() from (values (_mine, _rate), (_its_type, _type_rate)) w (what, rate) where w.rate is not null
  on conflict do nothing;
  -- The job before the type, everywhere: nobody waits in a circle.
  if _rate is not null then
    select p.next_at into _start from pgjobs.paces p where p.what = _mine for update;
  end if;
  if _type_rate is not null then
    select greatest(_start, p.next_at) into _start from pgjobs.paces p where p.what = _its_type for update;
  end if;
  _now := pgjobs.now();
  _start := greatest(_start, _now - _kept);
  at_most := _n;
  delay := greatest(_start - _now, interval '0');
  if delay <= interval '1 s' then
    update pgjobs.paces p
    set next_at = greatest(p.next_at, _now - _kept) + make_interval(secs => (_n / case p.what when _mine then _rate else _type_rate end)::double precision)
    where p.what in (_mine, _its_type) and (p.what = _mine and _rate is not null or p.what = _its_type and _type_rate is not null);
  end if;
  return next;
end;
$$;
comment on function pgjobs.spend_rate(bigint, text, numeric, numeric, integer) is
  'Takes records out of the rates of a job and of its type: how many may be published, and in how long. What is due in more than a second is not taken: ask again then.';
