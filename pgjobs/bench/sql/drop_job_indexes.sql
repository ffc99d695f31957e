-- The indexes of ours on the table of jobs, as statements that drop them: a table is filled faster without.
select format('drop index public.%I', w.name)
from pgjobs.wanted_indexes() w
where w.relation = 'xmp_jobs' and to_regclass('public.' || w.name) is not null
