delete from public.xmp_jobs where id = 2
