-- What a CMS does to start a job.
insert into public.xmp_jobs (type, params, file_name, active, shards, priority, rate, max_backlog)
values (%(type)s, %(params)s, %(file_name)s, %(active)s, %(shards)s, %(priority)s, %(rate)s, %(max_backlog)s)
returning id, clock_timestamp()
