-- A sample registry: eleven types of jobs whose records are for agents, and eight agents with what they are responsible for.
-- Whoever installs it has to own xmp_job_types and be a member of pgjobs_owner. Safe to run again.

-- Records that only serve to show something: so many targets as params.number says.
create or replace function public.sample_records(_job_id bigint, _shard integer, _after_key bigint, _end_key bigint)
returns text
language plpgsql
stable
set search_path = pg_catalog, pg_temp
as $$
declare
  _type text;
  _number bigint;
begin
  select j.type::text, coalesce(pgjobs.read_number(j.params, 'number'), 10) into strict _type, _number
  from public.xmp_jobs j where j.id = _job_id;
  if _number > 10000000 then
    perform pgjobs.refuse('PJ400', 'bad_params', 'number', format('params.number: %s is more than 10000000', _number),
      'give a smaller number');
  end if;
  return format(
    'select g as key, concat(%1$L, g) as target, null::text as code, null::text as detail,'
    ' json_build_object(''type'', %2$L::text, ''target'', concat(%1$L, g))::text as body'
    ' from generate_series(%3$s::bigint, %4$s) g',
    _type || ' ', _type, coalesce(_after_key, 0) + 1, least(_end_key, _number));
end;
$$;
comment on function public.sample_records(bigint, integer, bigint, bigint) is 'Selects the targets 1 to params.number of a sample job.';

-- A call of a Celery task is one record: params say what is called, configuration how. The format of the type makes the message.
create or replace function public.celery_records(_job_id bigint, _shard integer, _after_key bigint, _end_key bigint)
returns text
language sql
stable
set search_path = pg_catalog, pg_temp
as $$
  select format(
    'select 1::bigint as key, %L::text as target, null::text as code, null::text as detail, %L::text as body, %L::text as routing_key'
    ' where %s < 1 and 1 <= %s',
    j.params ->> 'task',
    jsonb_strip_nulls(jsonb_build_object(
      'expires', j.configuration -> 'expires', 'eta', j.configuration -> 'eta', 'priority', j.configuration -> 'priority'))
    -- Not among what is stripped: arguments may hold nulls, and a limit that is not given is null.
    || (j.params - 'dry_run')
    || jsonb_build_object('timelimit', jsonb_build_array(j.configuration -> 'time_limit', j.configuration -> 'soft_time_limit')),
    j.configuration ->> 'queue', coalesce(_after_key, 0), coalesce(_end_key, 1))
  from public.xmp_jobs j where j.id = _job_id;
$$;
comment on function public.celery_records(bigint, integer, bigint, bigint) is
  'Selects the one call of a task that params and configuration of the job describe.';

create or replace function public.celery_records_check(_params jsonb, _configuration jsonb)
returns text
language sql
stable
set search_path = pg_catalog, pg_temp
as $$
  select coalesce(
    case when jsonb_typeof(_params -> 'task') is distinct from 'string' then
           'params.task: it is not the name of a task, such as "shop.tasks.charge"'
         when jsonb_typeof(_params -> 'args') <> 'array' then 'params.args: it is not a JSON array'
         when jsonb_typeof(_params -> 'kwargs') <> 'object' then 'params.kwargs: it is not a JSON object' end,
    (select format('configuration.%s: a call of a Celery task has queue, expires, eta, time_limit, soft_time_limit and priority', left(k, 100))
     from jsonb_object_keys(_configuration) k
     where k not in ('queue', 'expires', 'eta', 'time_limit', 'soft_time_limit', 'priority') order by k limit 1),
    case when jsonb_typeof(_configuration -> 'queue') <> 'string' then 'configuration.queue: it is not the name of a queue' end,
    (select format('configuration.%s: it is not a whole number', e.key)
     from jsonb_each(_configuration) e
     where e.key in ('time_limit', 'soft_time_limit', 'priority') and e.value::text !~ '^[0-9]{1,9}$' order by e.key limit 1));
$$;
comment on function public.celery_records_check(jsonb, jsonb) is 'What is wrong with the call that a Celery job describes; null: nothing.';

-- Each of them has a queue of its own, and all are answered on one.
insert into public.xmp_job_types
  (name, selector, routing_key, params, tracked, reply_queue, execution_limit, retry_limit, delay_to_retry)
select t.name, 'public.sample_records', 'jobs.' || t.name, '{number,dry_run}', true, 'jobs.replies', '10 minutes', 3, '1 minute'
from unnest('{
  MiView, CMGSubscriptionSynchronizer, CMGUserSynchronizer, Unit, ProductsIntegrationPurchaseSynchronizer,
  ProductsIntegrationCatalogExporter, ProductsIntegrationCatalogCleaner, ProductsIntegrationExternalPurchaseSynchronizer,
  ProductsIntegrationSubscriptionRenewer, ProductsIntegrationUpdatePurchases}'::text[]) t (name)
on conflict (name) do nothing;

-- Workers answer where they have result_backend = 'rpc://'. Of others nothing is heard: there its items end by time.
insert into public.xmp_job_types (name, selector, routing_key, params, format, tracked, reply_queue, execution_limit)
values ('Celery Job', 'public.celery_records', 'jobs.celery', '{task,args,kwargs,dry_run}', 'celery', true, 'jobs.replies', '1 hour')
on conflict (name) do nothing;

insert into pgjobs.agents (name, types, about)
values
  ('Subscription Synchronizer', '{CMGSubscriptionSynchronizer}', 'Responsible to request to add or remove a subscription.'),
  ('User Synchronizer', '{CMGUserSynchronizer}', 'Responsible to synchronize user between MiB and Mediaroom.'),
  ('Billing Purchase Synchronizer', '{ProductsIntegrationPurchaseSynchronizer}',
   'Responsible to synchronize billing purchases from GAL South to GAL North.'),
  ('Catalog Exporter', '{ProductsIntegrationCatalogExporter}', 'Responsible to synchronize Movies from MiB to GAL North.'),
  ('Catalog Cleaner', '{ProductsIntegrationCatalogCleaner}',
   'Responsible to synchronize purged or deleted products from GAL South to GAL North.'),
  ('External Purchase Synchronizer', '{ProductsIntegrationExternalPurchaseSynchronizer}',
   'Responsible to synchronize external purchases with external components (Mediaroom, MiView).'),
  ('Subscription Renewer', '{ProductsIntegrationSubscriptionRenewer}',
   'Responsible to renew recurrent ewallet/worldpay subscription purchases.'),
  ('Update Purchases', '{ProductsIntegrationUpdatePurchases}',
   'Responsible to convert from trial to active purchase and set all purchases in status Cancelling to Canceled.')
on conflict (name) do update set about = excluded.about;
