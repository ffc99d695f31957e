-- Jobs of the history by what is to be seen of them, and an item that has failed.
select
  (select max(id) from public.xmp_jobs where status = 'in progress') as running,
  (select max(id) from public.xmp_jobs where status = 'done') as ended,
  (select max(id) from public.xmp_jobs where status = 'ready') as waiting,
  (select max(id) from public.xmp_jobs where status = 'error') as broken,
  (select max(id) from public.xmp_jobs where type = 'history' and status = 'done') as tracked,
  (select min(key) from pgjobs.items where status = 'f' and job_id = (select max(id) from public.xmp_jobs where type = 'history' and status = 'done')) as failed,
  (select max(id) / 2 from public.xmp_jobs) as middle,
  (select j.created_at::date::text from public.xmp_jobs j where j.id = (select max(id) / 2 from public.xmp_jobs)) as day
