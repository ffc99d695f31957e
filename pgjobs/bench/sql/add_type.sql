-- A type like another one whose messages go to a queue of the benchmark.
insert into public.xmp_job_types (name, selector, exchange, routing_key, params, needs_file, defaults)
select %(name)s, t.selector, '', %(queue)s, t.params, t.needs_file, t.defaults
from public.xmp_job_types t
where t.name = %(like)s
on conflict (name) do nothing
