-- The tables in which tracked jobs keep their items.
select c.oid::regclass::text
from pg_catalog.pg_class c
where c.relnamespace = 'pgjobs'::regnamespace and c.relkind = 'r' and c.relname in ('items', 'item_bodies', 'item_counts', 'item_launches', 'item_retries', 'item_offers')
order by 1
