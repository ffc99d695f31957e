-- Reads: xmp_jobs, xmp_job_types, items, refused_records   Writes: xmp_jobs
create or replace function pgjobs.retry_job(_id bigint, _which text default null, _actor text default null)
returns jsonb
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
set timezone = 'UTC'
as $$
declare
  _former constant text := pgjobs.set_actor(_actor);
  _source text;
  _type public.xmp_job_types;
  _job public.xmp_jobs;
  _any boolean;
  _new bigint;
begin
  select * into _job from public.xmp_jobs j where j.id = _id;
  if not found then
    perform pgjobs.refuse('PJ404', 'unknown_job', 'id', format('there is no job %s', _id), 'look up the id in xmp_jobs');
  end if;
  select * into _type from public.xmp_job_types t where t.name = _job.type::text;
  if not coalesce(_type.tracked or _type.keep_refused, false) then
    perform pgjobs.refuse('PJ409', 'not_tracked', 'id', format('job %s is of type %s, which keeps no items and no refused records', _id, _job.type),
      'set tracked or keep_refused of its type to true for the jobs to come');
  end if;
  _which := coalesce(_which, case when _type.tracked then 'failed' else 'refused' end);
  _source := format('job:%s.%s', _id, _which);
  execute format('select exists (%s)', pgjobs.source_statement(_job.type::text, _source)) into _any;
  if not _any then
    perform pgjobs.refuse('PJ409', 'nothing_to_retry', 'id', format('job %s has no records that are: %s', _id, _which),
      case when _type.tracked then 'look at pgjobs.job_item_counts, or wait until the job is done; besides failed there are timeout, refused, unprocessed, good and sent'
           else 'besides refused there is timeout, for what was left when its stop came' end);
  end if;
  insert into public.xmp_jobs (type, params, file_name, priority, shards, rate, max_backlog, schedule, budget, rules,
    name, media_type, reference_id, custom_type, configuration)
  values (_job.type, _job.params - '{count,offset,source}'::text[] || jsonb_build_object('source', _source), _job.file_name,
          _job.priority, _job.shards, _job.rate, _job.max_backlog, _job.schedule, _job.budget, _job.rules,
          _job.name, _job.media_type, _job.reference_id, _job.custom_type, _job.configuration)
  returning id into _new;
  perform set_config('pgjobs.actor', _former, true);
  return pgjobs.job_json(_new);
end;
$$;
comment on function pgjobs.retry_job(bigint, text, text) is
  'Inserts a job that sends again what of another one failed, or where its type keeps no items, what was refused (or timeout, refused, unprocessed, good, sent), with its type, params, pace and rules; refuses (PJ404, PJ409, PJ400) where the job has kept nothing, and where none of them is like that. Answers with the new job.';
