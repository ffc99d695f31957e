-- Reads: nothing   Writes: nothing
create or replace function pgjobs.read_reply(_id text, _body text)
returns table (n integer, id text, kind text, result text, description text, steps jsonb, agent text, attempt integer, fault text)
language plpgsql
immutable
rows 1
as $$
-- Without a search_path of its own, which would be set for each of a thousand answers.
declare
  _most constant integer := 10000;
  _read jsonb;
  _several boolean;
  _one jsonb;
  _inner jsonb;
  _own text;
  _said text;
  _raised text;
begin
  n := 0;
  begin
    _read := _body::jsonb;
  exception when data_exception or feature_not_supported or program_limit_exceeded or statement_too_complex then
    begin
      _read := pgjobs.mended_json(_body)::jsonb;
    exception when data_exception or feature_not_supported or program_limit_exceeded or statement_too_complex then
      -- Of a result of Celery that is too large its beginning is here, which says how the task has ended.
      _said := substring(_body from '^\{"status": "(SUCCESS|FAILURE|REVOKED)"');
      _read := jsonb_build_object('task_id', _id, 'status', _said, 'result', 'its result is too large, or can''t be read') where _said is not null;
    end;
  end;
  if _read is null then
    fault := 'no_json';
    return next;
    return;
  end if;
  _several := jsonb_typeof(_read) = 'array';
  if _several and jsonb_array_length(_read) > _most then
    fault := 'too_many_answers';
    return next;
    return;
  end if;
  for _place in 0 .. case when _several then jsonb_array_length(_read) - 1 else 0 end loop
    _one := case when _several then _read -> _place else _read end;
    n := _place + 1;
    id := _id;
    _own := null;
    kind := null;
    result := null;
    description := null;
    steps := null;
    agent := left(_one ->> 'agent', 200);
    attempt := null;
    fault := null;
    if jsonb_typeof(_one) <> 'object' then
      fault := 'no_object';
      return next;
      continue;
    end if;
    _inner := _one #> '{operation,response}';
    if jsonb_typeof(_inner) = 'object' then
      -- The envelope of operations.
      _own := _inner ->> 'id';
      result := _inner ->> 'resultCode';
      description := _inner ->> 'resultDescription';
      steps := _inner -> 'steps';
    elsif jsonb_typeof(_one -> 'task_id') = 'string' and _one ->> 'status' not in ('good', 'failed', 'partial', 'ack') then
      -- What a result backend of Celery sends.
      _own := _one ->> 'task_id';
      _said := _one ->> 'status';
      _raised := case when _said <> 'SUCCESS' then _one #>> '{result,exc_type}' end;
      kind := case _said when 'SUCCESS' then 'good' when 'FAILURE' then 'failed' when 'REVOKED' then 'failed' else 'partial' end;
      result := case
        when _said = 'SUCCESS' then 'SUCCESSFUL'
        when _said <> 'FAILURE' then _said
        when _raised = 'NotRegistered' then 'NOT_SUPPORTED'
        when _raised in ('TimeLimitExceeded', 'SoftTimeLimitExceeded') then 'ERROR_TIMEOUT'
        else 'ERROR_PROCESSING' end;
      agent := left(case when _said = 'STARTED' then _one #>> '{result,hostname}' end, 200);
      description := case
        when kind = 'partial' then null
        when _raised is null then _one ->> 'result'
        else concat_ws(': ', _raised, nullif((
          select string_agg(m.said, ', ' order by m.place)
          from jsonb_array_elements_text(case jsonb_typeof(_one #> '{result,exc_message}')
            when 'array' then _one #> '{result,exc_message}' else jsonb_build_array(_one #> '{result,exc_message}') end)
            with ordinality m (said, place)), '')) end;
    else
      _own := _one ->> 'id';
      result := _one ->> 'result';
      description := _one ->> 'description';
      steps := _one -> 'steps';
      attempt := substring(_one ->> 'attempt' from '^[1-9][0-9]{0,4}$')::integer;
      kind := _one ->> 'status';
      if kind not in ('good', 'failed', 'partial', 'ack') then
        fault := 'bad_status';
      end if;
    end if;
    if _own is not null then
      if not _several and exists (select from pgjobs.item_of(_id)) then
        -- The message says to which item it belongs; its body may only say to which attempt.
        attempt := coalesce(attempt, (
          select b.attempt from pgjobs.item_of(_id) a join pgjobs.item_of(_own) b on (b.job_id, b.key) = (a.job_id, a.key)));
      else
        id := _own;
      end if;
    end if;
    kind := coalesce(kind, case when result = 'SUCCESSFUL' then 'good'
                                when result is not null then 'failed'
                                when jsonb_typeof(steps) = 'array' and steps <> '[]' then 'partial' end);
    if kind is null then
      fault := coalesce(fault, 'no_outcome');
    end if;
    result := left(coalesce(result, case kind when 'good' then 'SUCCESSFUL' when 'failed' then 'ERROR' end), 100);
    description := left(description, 1000);
    if steps is null or steps in ('null', '[]') then
      steps := null;
    elsif jsonb_typeof(steps) <> 'array' then
      steps := null;
      fault := coalesce(fault, 'bad_steps');
    elsif octet_length(steps::text) > 65536 then
      steps := null;
      fault := coalesce(fault, 'too_many_steps');
    elsif jsonb_path_exists(steps, '$.**{32}') then
      -- Whoever reads them as JSON somewhere else might not be able to.
      steps := null;
      fault := coalesce(fault, 'bad_steps');
    end if;
    if id is null then
      fault := coalesce(fault, 'no_correlation');
    end if;
    return next;
  end loop;
end;
$$;
comment on function pgjobs.read_reply(text, text) is
  'What an answer says, a row for each item in it: a reply of our own, the envelope of an operation, or the result message of a Celery worker. kind: good, failed, partial (not its last word) or ack (somebody works on it). attempt: to which one it is an answer, where it says so. id: the correlation id where it names an item and the body is no array; else that of the body. fault: what is wrong with it; an answer whose steps alone are at fault still counts, without them.';
