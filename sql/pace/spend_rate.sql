-- Reads: nothing   Writes: paces
create or replace function pgjobs.spend_rate(_job_id bigint, _type text, _rate numeric, _type_rate numeric, _wanted integer)
returns table (at_most integer, delay interval)
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
as $$
declare
  _lowest constant numeric := least(_rate, _type_rate);
  -- A fifth of a second's worth at a time, and 0.8 s of unused time at most: one second's worth at once.
  _n constant integer := least(_wanted, greatest(1, floor(_lowest * 0.2)));
  _kept constant interval := interval '0.8 s';
  _mine constant text := 'job ' || _job_id;
  _its_type constant text := 'type ' || _type;
  _now timestamptz;
  _own timestamptz;
  _shared timestamptz;
  _start timestamptz;
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
    select p.next_at into _own from pgjobs.paces p where p.what = _mine for update;
  end if;
  if _type_rate is not null then
    select p.next_at into _shared from pgjobs.paces p where p.what = _its_type for update;
  end if;
  _now := pgjobs.now();
  -- So far ahead nothing is given away: the clock was set back.
  if _own > _now + make_interval(secs => (2 + 2 / _rate)::double precision) then
    update pgjobs.paces p set next_at = _now + make_interval(secs => (1 + 1 / _rate)::double precision) where p.what = _mine
    returning p.next_at into _own;
  end if;
  if _shared > _now + make_interval(secs => (2 + 2 / _type_rate)::double precision) then
    update pgjobs.paces p set next_at = _now + make_interval(secs => (1 + 1 / _type_rate)::double precision) where p.what = _its_type
    returning p.next_at into _shared;
  end if;
  _start := greatest(_own, _shared, _now);
  at_most := _n;
  delay := _start - _now;
  if _own > _now + interval '0.2 s' and _own >= _shared then
    -- The type's other jobs may have their turn until then.
    at_most := 0;
  elsif delay <= interval '1 s' then
    -- What goes out then is no older than what is kept, in the account of the job and in that of the type.
    update pgjobs.paces p
    set next_at = greatest(case p.what when _mine then _own else _shared end, _start - _kept)
                  + make_interval(secs => (_n / case p.what when _mine then _rate else _type_rate end)::double precision)
    where p.what = _mine and _rate is not null or p.what = _its_type and _type_rate is not null;
  end if;
  return next;
end;
$$;
comment on function pgjobs.spend_rate(bigint, text, numeric, numeric, integer) is
  'Takes records out of the rates of a job and of its type: how many may be published, and in how long. What is due in more than a second is not taken: ask again then. Nothing runs ahead of a rate by more than one second''s worth: 0.8 s of unused time is kept, and a grant is a fifth of a second''s worth, or one record.';
