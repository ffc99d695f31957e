"""What a partner asks all the time costs the job that is asked for, among a million of them."""

from collections.abc import Iterator

import pytest
from fix_database import shared_database
from fix_jobs import Db, connect

from pgjobs.lab.services import Services

# Indexes are made anew behind the load: one by one the entries take three times as long.
HISTORY = """
create table made as
select indexrelid::regclass::text as name, pg_get_indexdef(indexrelid) as made from pg_index
where indrelid in ('xmp_jobs'::regclass, 'pgjobs.shards'::regclass) and not indisprimary;
do $$ declare x record; begin for x in select * from made loop execute 'drop index ' || x.name; end loop; end $$;
set session_replication_role = replica;
insert into xmp_job_types (name, tracked, fails_with) values ('app', true, 'any');
insert into xmp_jobs (type, status, run_at, finish_at, guid, submitted_by, request)
select 'app', case when n % 500 = 0 then 'error' else 'done' end, now() - interval '1 year', now(),
       md5(n::text)::uuid, 'token ' || n % 100, '{"door": "partner", "partner": "cinx", "args": [["body", ["json"]]]}'
from generate_series(1, 1000000) n;
insert into xmp_jobs (type) select 'app' from generate_series(1, 10);
insert into pgjobs.shards (job_id, started_at, finished_at) select j.id, now(), now() from xmp_jobs j;
insert into pgjobs.item_counts (job_id, slot, status, n) select j.id, 0, 's', 9 from xmp_jobs j where j.id % 10 = 1;
reset session_replication_role;
do $$ declare x record; begin for x in select * from made loop execute x.made; end loop; end $$;
drop table made;
"""
STATUS = "select pgjobs.partner_job(md5('4711')::uuid, 'token 11', false)"
UNKNOWN = "select pgjobs.partner_job('7ab6f316-39bb-4d02-92aa-c9cfd8eeeb11', 'token 11', false)"
OTHERS = "select pgjobs.partner_job(md5('4711')::uuid, 'token 12', false)"
OLDER = "select pgjobs.partner_job(pgjobs.guid_of(1000007, null), '', true)"
MOST_BLOCKS = 100
"""A look-up in each of some five indexes, and the catalogs of a first call; it takes 0.15 ms, and 1.2 ms at first."""


@pytest.fixture(scope="module")
def million(services: Services, template_database: str) -> Iterator[str]:
    """The URL of a database with a million jobs of partners."""
    with shared_database(services, template_database, "million") as url:
        with connect(url) as db:
            for statement in HISTORY.split(";\n"):
                db.execute(statement.encode())
            db.execute("vacuum analyze")
        yield url


@pytest.fixture
def crowd(million: str) -> Iterator[Db]:
    """A session of its own on that database, whose changes are undone."""
    with connect(million) as db, db.transaction(force_rollback=True):
        yield db


def blocks(db: Db, call: str) -> int:
    """How many blocks of tables and indexes a call touches, the second time: the first one also reads the catalogs."""
    db.execute(call.encode())
    (whole,) = db.value(f"explain (analyze, buffers, format json) {call}")
    return int(whole["Plan"]["Shared Hit Blocks"] + whole["Plan"]["Shared Read Blocks"])


@pytest.mark.long
@pytest.mark.parametrize("call", [STATUS, UNKNOWN, OTHERS, OLDER])
@pytest.mark.parametrize("statistics", ["true", "none", "outdated"])
def test_a_status_call_reads_its_own_job(crowd: Db, call: str, statistics: str) -> None:
    """By its GUID, or by the one that is made of its number, a job is found by an index, and nothing else is read; also
    where the statistics say nothing, or something that was true once."""
    if statistics == "none":
        crowd.execute("delete from pg_statistic where starelid in ('xmp_jobs'::regclass, 'pgjobs.shards'::regclass)")
    elif statistics == "outdated":
        crowd.execute("update pg_class set reltuples = 10, relpages = 1 where oid = 'xmp_jobs'::regclass")
    # Later a plan may be one for all arguments.
    assert max(blocks(crowd, call) for _ in range(10)) <= MOST_BLOCKS


@pytest.mark.long
def test_the_calls_find_what_they_ask_for(crowd: Db) -> None:
    """Two of them have a row, and the measure above is not about nothing."""
    assert [True, False, False, True] == [crowd.value(call) is not None for call in (STATUS, UNKNOWN, OTHERS, OLDER)]
    assert blocks(crowd, "select count(*) from xmp_jobs where submitted_by = 'token 11'") > 10 * MOST_BLOCKS
