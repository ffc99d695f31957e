-- Closed items; bytes of their table and index; of all tables of items; of the table without index; of what the
-- selection gave; rows that no one sees any more.
select (select count(*) from pgjobs.items where closed_at is not null),
       pg_total_relation_size('pgjobs.items'),
       (select sum(pg_total_relation_size(t.name::regclass))::bigint from unnest(%(tables)s::text[]) t (name)),
       pg_table_size('pgjobs.items'),
       (select sum(octet_length(target) + coalesce(octet_length(body), 0))::bigint from pgjobs.items),
       (select sum(pg_stat_get_dead_tuples(t.name::regclass))::bigint from unnest(%(tables)s::text[]) t (name))
