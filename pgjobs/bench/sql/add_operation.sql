-- An operation that any entity may have, for the door of operation jobs.
insert into public.xmp_job_types (name, selector, routing_key, format, tracked, reply_queue, params, doors)
values ('bench_operation', 'pgjobs.operation_records', %(queue)s, 'plain', true, %(queue)s || '-replies',
        '{parameters,resource_type,tags,filter,listed}', '{operations}')
on conflict (name) do nothing
