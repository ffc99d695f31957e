-- Reads: nothing   Writes: nothing
create or replace function pgjobs.read_mailing(_given jsonb, _id bigint, _before jsonb, out params jsonb, out run_at timestamptz, out stop_at timestamptz, out schedule jsonb)
language plpgsql
stable
set search_path = pg_catalog, pg_temp
set timezone = 'UTC'
as $$
declare
  _known constant text[] := '{start_time,text,client_operator_code_filter,client_tag_filter,end_time,time_interval}';
  _all constant jsonb := coalesce(_before, '{}') || _given;
begin
  perform pgjobs.known_fields(_given, _known, '{}', _id);
  perform pgjobs.known_fields(_all - 'id', _known, '{start_time,text,end_time}');
  run_at := pgjobs.given_moment(_all, 'start_time');
  stop_at := pgjobs.given_moment(_all, 'end_time');
  if stop_at <= run_at then
    perform pgjobs.refuse('PJ400', 'bad_end_time', 'end_time', format('end_time: %s is not after start_time', pgjobs.instant_text(stop_at)), 'give a later moment', '');
  end if;
  if stop_at <= pgjobs.now() then
    perform pgjobs.refuse('PJ400', 'bad_end_time', 'end_time', format('end_time: %s has passed', pgjobs.instant_text(stop_at)), 'give a moment to come', '');
  end if;
  schedule := pgjobs.given_interval(_all);
  params := jsonb_strip_nulls(jsonb_build_object(
    'text', pgjobs.given_text(_all, 'text', 10000, _lines => true),
    'client_operator_code_filter', pgjobs.given_text(_all, 'client_operator_code_filter', 10),
    'client_tag_filter', pgjobs.given_text(_all, 'client_tag_filter', 10)));
end;
$$;
comment on function pgjobs.read_mailing(jsonb, bigint, jsonb) is
  'What a caller says of a mailing, as its job keeps it. _before: the fields that it has already, where only some are given; null: each that is needed has to be given. Refuses (PJ400) what can''t be right, naming the field.';
