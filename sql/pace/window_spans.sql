-- Reads: holidays   Writes: nothing
create or replace function pgjobs.window_spans(_windows jsonb, _from timestamptz, _to timestamptz, _zone text default null)
returns table (opens timestamptz, closes timestamptz)
language plpgsql
stable
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  _horizon constant interval := interval '9600 hours';
  _back interval := '24 hours';
  _at timestamptz;
  _end timestamptz;
  _open boolean;
  _until timestamptz;
begin
  if coalesce(jsonb_typeof(_windows), 'null') = 'null' then
    return query select timestamptz '-infinity', timestamptz 'infinity' where _from < _to;
    return;
  end if;
  if _from >= _to or not _from between timestamptz '4000-01-01 00:00 UTC BC' and timestamptz '290000-01-01 00:00 UTC' then
    return;
  end if;
  _end := least(_to, _from + _horizon);
  -- Back to a moment before the span that is open at the beginning has opened.
  loop
    _at := _from - _back;
    select w.open, w.until into _open, _until from pgjobs.window_at(_windows, _at, _zone, _back) w;
    exit when not _open or _until <= _from;
    if _back = _horizon then
      opens := '-infinity';
      _at := _from;
      exit;
    end if;
    _back := least(2 * _back, _horizon);
  end loop;
  loop
    select w.open, w.until into _open, _until from pgjobs.window_at(_windows, _at, _zone) w;
    if _open then
      closes := coalesce(_until, 'infinity');
      if closes > _from then
        return next;
      end if;
    else
      opens := _until;
    end if;
    exit when _until is null or _until >= _end;
    _at := _until;
  end loop;
end;
$$;
comment on function pgjobs.window_spans(jsonb, timestamptz, timestamptz, text) is
  'The spans in which one of the windows is open, united and in order, whole: those that overlap the time from _from (inclusive) to _to (exclusive), or to 400 days after _from. A span that lasts more than 400 days on either side is infinite there.';
