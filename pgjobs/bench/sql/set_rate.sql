-- Another rate for a job that runs: the moment just before it is committed.
update public.xmp_jobs set rate = %(rate)s where id = %(id)s
returning extract(epoch from clock_timestamp())::float8
