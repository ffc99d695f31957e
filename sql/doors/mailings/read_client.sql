-- Reads: nothing   Writes: nothing
create or replace function pgjobs.read_client(_given jsonb, _id bigint, _before jsonb, out tags text[], out attributes jsonb)
language plpgsql
stable
set search_path = pg_catalog, pg_temp
as $$
declare
  _all constant jsonb := coalesce(_before, '{}') || _given;
  _tag text;
  _phone text;
begin
  perform pgjobs.known_fields(_given, '{phone,operator_code,tag,timezone}', '{}', _id);
  perform pgjobs.known_fields(_all - 'id', '{phone,operator_code,tag,timezone}', '{phone,operator_code,timezone}');
  -- JSON knows no difference between 1 and 1.0.
  _phone := case jsonb_typeof(_all -> 'phone') when 'number' then trim_scale((_all ->> 'phone')::numeric)::text else _all ->> 'phone' end;
  if jsonb_typeof(_all -> 'phone') not in ('string', 'number') or _phone !~ '^7[0-9]{10}$' then
    perform pgjobs.refuse('PJ400', 'bad_phone', 'phone', format('phone: %s is no phone number of the form 7XXXXXXXXXX', left((_all -> 'phone')::text, 60)),
      'write 7 and ten digits more, without a plus and without blanks', '');
  end if;
  _tag := pgjobs.given_text(_all, 'tag', 10);
  tags := case when _tag is null then '{}' else array[_tag] end;
  attributes := jsonb_build_object('phone', _phone, 'operator_code', pgjobs.given_text(_all, 'operator_code', 10), 'timezone', pgjobs.given_text(_all, 'timezone', 50));
end;
$$;
comment on function pgjobs.read_client(jsonb, bigint, jsonb) is
  'What a caller says of a client, as the directory keeps it. _before: the fields that it has already, where only some are given; null: each that is needed has to be given. Refuses (PJ400) what can''t be right, naming the field.';
