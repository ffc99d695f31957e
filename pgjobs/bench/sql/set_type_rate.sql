update public.xmp_job_types set rate = %(rate)s where name = %(type)s
