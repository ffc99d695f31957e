"""What the engine, its pages and its lists ask all the time costs what is open or asked for, not what there has been.

A database of 50,000 ended jobs; PostgreSQL itself counts the blocks that each call touches.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterator

import pytest
from fix_database import shared_database
from fix_jobs import Db, claim, connect, insert_job, prepare

from pgjobs.lab.services import Services

ENDED, RUNNING, WAITING, LINES = 50_000, 5, 20, 20_000
HISTORY = """
set session_replication_role = replica;
insert into xmp_jobs (type, status, run_at, finish_at, file_name)
select case when n % 2 = 0 then 'injection' else 'expired' end, case when n % 500 = 0 then 'error' else 'done' end,
       now() - interval '1 year', now() - interval '1 year' + n * interval '1 min', ''
from generate_series(1, 50000) n;
insert into pgjobs.shards
  (job_id, prepared_at, first_key, end_key, after_key, considered, sent, finished_at, updated_at)
select j.id, j.run_at, 1, 9, 9, 9, 9, j.finish_at, j.finish_at from xmp_jobs j;
insert into xmp_job_types (name) values ('rare');
update xmp_jobs set type = 'rare' where id in (7, 8, 9);
update xmp_jobs set status = 'canceled' where id in (8, 11);
insert into pgjobs.outcomes (job_id, shard, action, code, n) select j.id, 0, 'sent', '', 9 from xmp_jobs j;
insert into pgjobs.events (job_id, at, from_status, to_status, role)
select j.id, j.finish_at, s.was, s.now, 'x' from xmp_jobs j, (values (null, 'ready'), ('ready', 'in progress'),
  ('in progress', 'done')) s (was, now);
insert into pgjobs.callbacks (job_id, status, created_at, due_at, closed_at)
select j.id, 'done', j.finish_at, j.finish_at, j.finish_at from xmp_jobs j;
reset session_replication_role;
insert into xmp_retries_expired (id, msisdn) select g, g::text from generate_series(1, 99) g;
"""
MOST_BLOCKS = 230
"""Blocks that a call which has to do with open jobs alone may touch; one look at all the ended jobs takes more."""


@pytest.fixture(scope="module")
def long_used(services: Services, template_database: str) -> Iterator[str]:
    """The URL of a database that has a long history, a few running jobs and a few that wait."""
    with shared_database(services, template_database, "used") as url:
        with connect(url) as db:
            db.execute(HISTORY.encode())
            running = [insert_job(db) for _ in range(RUNNING)]
            for job in running:
                prepare(db, claim(db, job))
            lines = "insert into pgjobs.injection_lines (job_id, line_no, raw, msisdn) select %s, g, '', '' from {}"
            db.execute(lines.format(f"generate_series(1, {LINES}) g").encode(), (insert_job(db, "injection"),))
            for _ in range(WAITING):
                insert_job(db, run_at="2100-01-01")
            db.execute("vacuum analyze")
        yield url


@pytest.fixture
def used(long_used: str) -> Iterator[Db]:
    """A session of its own on that database; what it changes is undone, so that the tests may share it."""
    with connect(long_used) as db, db.transaction(force_rollback=True):
        yield db


def blocks(db: Db, call: str, *args: object) -> int:
    """How many blocks of tables and indexes a call touches, the second time: the first one also reads the catalogs."""
    db.execute(call.encode(), args or None).fetchall()
    explained = db.value(f"explain (analyze, buffers, format json) {call}", *args)
    return int(explained[0]["Plan"]["Shared Hit Blocks"] + explained[0]["Plan"]["Shared Read Blocks"])


CALLS = {
    "claim": "select * from pgjobs.claim_shards('00000000-0000-0000-0000-000000000001', '{}', true, '30 s')",
    "wakeup": "select pgjobs.next_wakeup(true)",
    "sweep": "select pgjobs.sweep()",
    "callback": "select * from pgjobs.claim_callback('1 min', true, '{}', 100)",
    "running": "select pgjobs.running_jobs()",
    "metrics": "select * from pgjobs.metrics()",
}


@pytest.mark.parametrize("call", CALLS)
def test_what_is_asked_all_the_time_reads_no_history(used: Db, call: str) -> None:
    """With nothing to do, each call of the daemons and of the monitoring reads open jobs only."""
    assert blocks(used, CALLS[call]) <= MOST_BLOCKS


def test_the_measure_measures(used: Db) -> None:
    """Queries that look at all the ended jobs, or at all the lines, are seen to do so."""
    assert blocks(used, "select count(*) from xmp_jobs where finish_at < run_at") > 2 * MOST_BLOCKS
    assert blocks(used, "select count(*) from pgjobs.shards where epoch = 7") > 2 * MOST_BLOCKS
    assert blocks(used, "select count(*) from pgjobs.injection_lines where msisdn = 'x'") > MOST_BLOCKS / 2


def test_claiming_a_due_job_reads_that_job(used: Db) -> None:
    """Nor does a claim that finds a job read others than the open ones; it writes into every index of xmp_jobs."""
    for _ in range(3):
        insert_job(used)
    assert blocks(used, CALLS["claim"]) <= 1.5 * MOST_BLOCKS


@pytest.mark.parametrize(
    "arguments",
    [
        "null, null, 20, null",
        "'error', null, 20, null",
        "'ready', null, 20, null",
        "'canceled', null, 20, null",
        "null, 'injection', 20, 25000",
        "null, 'rare', 20, null",
        "'done', 'rare', 20, 49000",
        "'canceled', 'expired', 20, null",
        "'canceled', 'injection', 20, 40000",
        "'in progress', 'rare', 20, null",
    ],
)
@pytest.mark.parametrize("statistics", ["true", "outdated"])
def test_a_page_of_the_list_reads_its_own_jobs(used: Db, arguments: str, statistics: str) -> None:
    """A page of twenty jobs costs twenty jobs, whichever state and type are asked for, wherever it begins; also where
    there are no statistics, or only those of a table of ten jobs."""
    if statistics == "outdated":
        used.execute(
            "delete from pg_statistic where starelid = 'xmp_jobs'::regclass;"
            " update pg_class set reltuples = 10, relpages = 1 where oid = 'xmp_jobs'::regclass"
        )
    for _ in range(6):  # later a plan may be one for all arguments
        assert blocks(used, f"select pgjobs.list_jobs({arguments})") <= 3 * MOST_BLOCKS


def test_one_job_is_shown_by_reading_that_job(used: Db) -> None:
    """An ended job is explained and shown without reading any other."""
    job = used.value("select max(id) from xmp_jobs where status = 'done'")
    assert blocks(used, "select pgjobs.why(%s), pgjobs.job_json(%s)", job, job) <= MOST_BLOCKS


def test_a_heartbeat_reads_no_history(used: Db) -> None:
    """A heartbeat costs the daemons there are."""
    call = "select pgjobs.beat(%s, 'one', 'host', 1, '0', 'up', '[]')"
    assert blocks(used, call, uuid.uuid4()) <= MOST_BLOCKS
