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

-- A call of a Celery task is one record; whatever else the job says of it is checked when its message is made.
create or replace function public.celery_records(_job_id bigint, _shard integer, _after_key bigint, _end_key bigint)
returns text
language plpgsql
stable
set search_path = pg_catalog, pg_temp
as $$
declare
  _params jsonb;
  _args jsonb;
  _kwargs jsonb;
begin
  select j.params into strict _params from public.xmp_jobs j where j.id = _job_id;
  _args := coalesce(_params -> 'args', '[]');
  _kwargs := coalesce(_params -> 'kwargs', '{}');
  if jsonb_typeof(_params -> 'task') is distinct from 'string' then
    perform pgjobs.refuse('PJ400', 'bad_params', 'task', 'params.task: it is not the name of a task', 'give it as in "shop.tasks.charge"');
  elsif jsonb_typeof(_args) <> 'array' then
    perform pgjobs.refuse('PJ400', 'bad_params', 'args', 'params.args: it is not a JSON array', 'write [] for none');
  elsif jsonb_typeof(_kwargs) <> 'object' then
    perform pgjobs.refuse('PJ400', 'bad_params', 'kwargs', 'params.kwargs: it is not a JSON object', 'write {} for none');
  end if;
  return format(
    'select 1::bigint as key, %L::text as target, null::text as code, null::text as detail, %L::text as body'
    ' where %s < 1 and 1 <= %s',
    _params ->> 'task', _params - 'dry_run', coalesce(_after_key, 0), coalesce(_end_key, 1));
end;
$$;
comment on function public.celery_records(bigint, integer, bigint, bigint) is 'Selects the one call of a task that params of the job describe.';

insert into public.xmp_job_types (name, selector, routing_key, params)
select t.name, 'public.sample_records', 'jobs.' || t.name, '{number,dry_run}'
from unnest('{
  MiView, CMGSubscriptionSynchronizer, CMGUserSynchronizer, Unit, ProductsIntegrationPurchaseSynchronizer,
  ProductsIntegrationCatalogExporter, ProductsIntegrationCatalogCleaner, ProductsIntegrationExternalPurchaseSynchronizer,
  ProductsIntegrationSubscriptionRenewer, ProductsIntegrationUpdatePurchases}'::text[]) t (name)
on conflict (name) do nothing;

insert into public.xmp_job_types (name, selector, routing_key, format, params)
values ('Celery Job', 'public.celery_records', 'celery', 'celery', '{task,args,kwargs,expires,eta,timelimit,priority,dry_run}')
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
