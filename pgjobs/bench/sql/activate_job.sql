-- Let a job that is held back begin, and say when that was.
update public.xmp_jobs j set active = true where j.id = %(id)s returning clock_timestamp()
