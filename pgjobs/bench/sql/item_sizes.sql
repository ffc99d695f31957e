-- Closed items; bytes of their table and index; of all tables of items; of the table without index; of the table of
-- bodies; of what the selection gave, uncompressed; rows that no one sees any more.
select (select count(*) from pgjobs.items where closed_at is not null),
       pg_total_relation_size('pgjobs.items'),
       (select sum(pg_total_relation_size(t.name::regclass))::bigint from unnest(%(tables)s::text[]) t (name)),
       pg_table_size('pgjobs.items'),
       pg_total_relation_size('pgjobs.item_bodies'),
       (select sum(octet_length(i.target))::bigint from pgjobs.items i)
       + (select sum(octet_length(u.body))::bigint from pgjobs.item_bodies b cross join lateral unnest(b.bodies) u (body)),
       (select sum(pg_stat_get_dead_tuples(t.name::regclass))::bigint from unnest(%(tables)s::text[]) t (name))
