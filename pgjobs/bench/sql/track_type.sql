-- The records of a type are kept as items, and answered on this queue.
update public.xmp_job_types set tracked = true, reply_queue = %(replies)s where name = %(name)s
