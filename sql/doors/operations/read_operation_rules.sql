-- Reads: nothing   Writes: nothing
create or replace function pgjobs.read_operation_rules(_parameters jsonb, _results text[])
returns jsonb
language plpgsql
stable
set search_path = pg_catalog, pg_temp
as $$
declare
  _name constant text := 'operationParameters';
  _most constant bigint := 3155760000000;
  _again constant jsonb := coalesce(nullif(_parameters -> 'retryResultList', 'null'), '[]');
  _timeout bigint;
  _ack bigint;
  _odd text;
begin
  perform pgjobs.check_known_keys(_parameters, _name, '{timeout,ackTimeout,retries,retriesDelay,retryResultList}');
  _timeout := coalesce(pgjobs.read_whole(_parameters -> 'timeout', _name || '.timeout', 1, _most), 60000);
  _ack := nullif(pgjobs.read_whole(_parameters -> 'ackTimeout', _name || '.ackTimeout', 0, _most), 0);
  if jsonb_typeof(_again) <> 'array' or jsonb_path_exists(_again, 'strict $[*] ? (@.type() != "string")') then
    perform pgjobs.refuse('PJ400', 'bad_request', _name || '.retryResultList', _name || '.retryResultList: it is no list of results',
      'write a list such as ["ERROR_TIMEOUT"], or leave it out');
  end if;
  select left(r, 100) into _odd from jsonb_array_elements_text(_again) r where r <> all (pgjobs.common_results() || _results) limit 1;
  if found then
    perform pgjobs.refuse('PJ400', 'bad_request', _name || '.retryResultList', format('%s.retryResultList: there is no result %s', _name, _odd),
      'the results are ' || array_to_string(pgjobs.common_results() || _results, ', '));
  end if;
  return jsonb_build_object(
    'execution_limit', _timeout || ' milliseconds',
    'ack_limit', _ack || ' milliseconds',
    'retry_limit', coalesce(pgjobs.read_whole(_parameters -> 'retries', _name || '.retries', 0, 1000), 0),
    'delay_to_retry', coalesce(pgjobs.read_whole(_parameters -> 'retriesDelay', _name || '.retriesDelay', 0, _most), 0) || ' milliseconds',
    'retry_results', _again);
end;
$$;
comment on function pgjobs.read_operation_rules(jsonb, text[]) is
  'operationParameters of a request as the column rules of a job has them: a time-out of 60 s where none is given, no time for an acknowledgement, no retries; tried again only after a result that is listed. _results: those that the type has besides the usual ones. Refuses (PJ400) what can''t be right.';
