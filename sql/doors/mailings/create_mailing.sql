-- Reads: requests   Writes: xmp_jobs, requests
create or replace function pgjobs.create_mailing(_given jsonb, _actor text, _once jsonb)
returns text
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
set timezone = 'UTC'
as $$
declare
  _known constant jsonb := pgjobs.known_request(_actor, _once);
  _answer json;
begin
  if _known is not null then
    return _known #>> '{}';
  end if;
  perform pgjobs.set_actor(_actor);
  insert into public.xmp_jobs as j (type, params, run_at, stop_at, schedule, submitted_by)
  select 'mailing', r.params, r.run_at, r.stop_at, r.schedule, _actor from pgjobs.read_mailing(_given, null, null) r
  returning pgjobs.mailing_json(j) into _answer;
  perform pgjobs.keep_request(_actor, _once, to_jsonb(_answer::text));
  return _answer;
end;
$$;
comment on function pgjobs.create_mailing(jsonb, text, jsonb) is
  'Inserts a mailing, which is a job of the type mailing; refuses (PJ400) wrong fields. Answers with the mailing. _once: see known_request().';
