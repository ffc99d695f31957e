"""However many operations a job has, and however many jobs there are: nobody reads more than what is asked for.

A job has 100,000 operations, and there are 20,000 jobs; PostgreSQL itself counts the rows read.
"""

from collections.abc import Iterator

import pytest
from fix_database import shared_database
from fix_jobs import Db, connect

from pgjobs.lab.services import Services

FILL = """
set session_replication_role = replica;
insert into xmp_job_types (name, selector, routing_key, tracked, doors)
values ('ping', 'pgjobs.expired_records', 'x', true, '{operations}');
insert into xmp_jobs (id, type, status, run_at, params)
select n, 'ping', 'ready', now(), '{"parameters": {}}' from generate_series(1, 20000) n;
insert into pgjobs.shards (job_id, shard, attempt) select j.id, 0, 1 from xmp_jobs j;
insert into pgjobs.entities (number, id, type) overriding system value
select n, 'dev-' || n, 'entity.device' from generate_series(1, 100000) n;
insert into pgjobs.items (job_id, key, target, status)
select 7, n, convert_to('dev-' || n, 'UTF8'), 'w' from generate_series(1, 100000) n;
insert into pgjobs.item_bodies (job_id, from_key, to_key, keys, bodies)
select 7, min(n), max(n), array_agg(n order by n),
  array_agg(convert_to(format('{"operation": {"request": {"parameters": {"n": %s}}}}', n), 'UTF8') order by n)
from generate_series(1, 100000) n group by (n - 1) / 128;
insert into pgjobs.item_counts (job_id, slot, status, n) values (7, 0, 'w', 100000);
reset session_replication_role;
"""
READS = {
    "a job": ("select pgjobs.show_operation_job('7')", 60),
    "the first page": ("select pgjobs.list_operations('7', 1, 10)", 80),
    # One of 782 rows of bodies for each 128 operations that are passed over.
    "the last page": ("select pgjobs.list_operations('7', 10000, 10)", 900),
    "a page of 1,000": ("select pgjobs.list_operations('7', 1, 1000)", 2200),
    "an operation": ("select pgjobs.show_operation('7', '7-4711')", 40),
    "the types": ("select pgjobs.operation_types()", 40),
    "a refused change": (
        "select pgjobs.read_operation_change(j, '{\"request\": {}}', 1) from xmp_jobs j where id = 7",
        20,
    ),
}


@pytest.fixture(scope="module")
def full(services: Services, template_database: str) -> Iterator[Db]:
    """A connection to a database with many operations."""
    with shared_database(services, template_database, "operations") as url, connect(url) as connection:
        connection.execute(FILL)
        connection.execute("analyze")
        yield connection


@pytest.mark.parametrize("what", READS)
def test_what_is_asked_for_is_what_is_read(full: Db, what: str) -> None:
    """Rows read are bounded by what is shown, not by what there is."""
    statement, most = READS[what]
    with full.transaction(force_rollback=True):
        assert full.rows_read(statement) <= most


def test_pages_are_neither_lost_nor_shown_twice(full: Db) -> None:
    """21 pages of a size that fits no row of bodies have every operation once, with its own parameters."""
    asked = (
        "select array_agg((o #>> '{parameters,n}') || ' is ' || (o ->> 'operationId') order by p, n)"
        " from generate_series(1, 21) p,"
        " jsonb_array_elements(pgjobs.list_operations('7', p, 999) -> 'operations') with ordinality o (o, n)"
    )
    assert [f"{number} is 7-{number}" for number in range(1, 20_980)] == full.value(asked)
