insert into public.xmp_jobs (type, params) values ('expired', '{"count": 5}')
