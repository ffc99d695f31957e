"""What the engine, its pages and its lists ask all the time costs what is open or asked for, not what there has been.

A database of 50,000 ended jobs; PostgreSQL itself counts the rows that each call reads.
"""

from __future__ import annotations

import os
import uuid
from collections.abc import Iterator

import pytest
from fix_database import create_database, drop_database
from fix_jobs import Db, claim, connect, insert_job, prepare

from pgjobs.dev.services import Services

ENDED, RUNNING, WAITING, LINES = 50_000, 5, 20, 20_000
HISTORY = """
set session_replication_role = replica;
insert into xmp_jobs (type, status, run_at, finish_at, file_name)
select case when n % 2 = 0 then 'injection' else 'expired' end, case when n % 500 = 0 then 'error' else 'done' end,
       now() - interval '1 year', now() - interval '1 year' + n * interval '1 min', ''
from generate_series(1, 50000) n;
insert into pgjobs.progress
  (job_id, prepared_at, first_key, end_key, after_key, considered, sent, finished_at, updated_at)
select j.id, j.run_at, 1, 9, 9, 9, 9, j.finish_at, j.finish_at from xmp_jobs j;
insert into pgjobs.outcomes (job_id, shard, action, reason, n) select j.id, 0, 'sent', '', 9 from xmp_jobs j;
insert into pgjobs.events (job_id, at, from_status, to_status, role)
select j.id, j.finish_at, s.was, s.now, 'x' from xmp_jobs j, (values (null, 'ready'), ('ready', 'in progress'),
  ('in progress', 'done')) s (was, now);
insert into pgjobs.notifications (job_id, status, created_at, due_at, closed_at)
select j.id, 'done', j.finish_at, j.finish_at, j.finish_at from xmp_jobs j;
reset session_replication_role;
insert into xmp_retries_expired (id, msisdn) select g, g::text from generate_series(1, 99) g;
"""
READ = (
    "select relname::text, seq_tup_read + coalesce(idx_tup_fetch, 0) from pg_stat_xact_user_tables"
    " where seq_tup_read + coalesce(idx_tup_fetch, 0) > 0"
)
OPEN_ROWS = 40 * (RUNNING + WAITING)
"""What a call that has to do with the open jobs alone may read of all tables."""


@pytest.fixture(scope="module")
def long_used(services: Services, template_database: str) -> Iterator[str]:
    """The URL of a database that has a long history, a few running jobs and a few that wait."""
    name = f"{template_database}_used_{os.getpid()}"
    try:
        url = create_database(services.database_url, name, template_database)
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
    finally:
        drop_database(services.database_url, name)


@pytest.fixture
def used(long_used: str) -> Iterator[Db]:
    """A session of its own on that database; what it changes is undone, so that the tests may share it."""
    with connect(long_used) as db, db.transaction(force_rollback=True):
        yield db


def rows_read(db: Db, call: str, *args: object) -> dict[str, int]:
    """How many rows of which table a call reads; a session counts since its last report, and this one is new."""
    db.execute(call.encode(), args or None).fetchall()
    return dict(db.execute(READ.encode()).fetchall())


CALLS = {
    "claim": "select * from pgjobs.claim_shard('00000000-0000-0000-0000-000000000001', '{}', true, '30 s')",
    "wakeup": "select pgjobs.next_wakeup(true)",
    "sweep": "select pgjobs.sweep()",
    "notification": "select * from pgjobs.claim_notification('1 min')",
    "running": "select pgjobs.running_jobs()",
    "metrics": "select * from pgjobs.metrics()",
}


@pytest.mark.parametrize("call", CALLS)
def test_what_is_asked_all_the_time_reads_no_history(used: Db, call: str) -> None:
    """With nothing to do, each call of the daemons and of the monitoring reads rows of open jobs only."""
    read = rows_read(used, CALLS[call])
    read.pop("injection_lines", None)  # told by the test below
    assert sum(read.values()) <= OPEN_ROWS, read


@pytest.mark.xfail(reason="the lines are asked which jobs they belong to; a list of jobs to clear would end that")
def test_a_sweep_reads_no_lines_of_open_jobs(used: Db) -> None:
    """The lines of a file job that is still open cost the chores nothing."""
    assert rows_read(used, CALLS["sweep"]).get("injection_lines", 0) <= OPEN_ROWS


def test_the_count_counts(used: Db) -> None:
    """A query that reads the history is seen to do so: the other tests can fail."""
    assert rows_read(used, "select count(*) from xmp_jobs where finish_at < run_at")["xmp_jobs"] >= ENDED
    assert rows_read(used, "select pgjobs.next_wakeup(true) from xmp_jobs limit 1")["xmp_jobs"] > ENDED


def test_claiming_a_due_job_reads_that_job(used: Db) -> None:
    """Nor does a claim that finds a job read others than the open ones."""
    insert_job(used)
    read = rows_read(used, CALLS["claim"])
    assert sum(read.values()) <= OPEN_ROWS, read


@pytest.mark.parametrize(
    "arguments",
    ["null, null, 20, null", "'error', null, 20, null", "'ready', null, 20, null", "null, 'injection', 20, 25000"],
)
def test_a_page_of_the_list_reads_its_own_jobs(used: Db, arguments: str) -> None:
    """A page of twenty jobs costs twenty jobs, whichever status is asked for and wherever it begins."""
    call = f"select pgjobs.list_jobs({arguments})"
    for number in range(1, 9):  # from the sixth call on, a plan may be one for all arguments
        read = rows_read(used, call)
        assert sum(read.values()) <= number * 20 * 40, read


def test_one_job_is_shown_by_reading_that_job(used: Db) -> None:
    """An ended job is explained and shown without reading any other."""
    job = used.value("select max(id) from xmp_jobs where status = 'done'")
    read = rows_read(used, "select pgjobs.why(%s), pgjobs.job_json(%s)", job, job)
    assert sum(read.values()) <= 60, read


def test_a_heartbeat_reads_no_history(used: Db) -> None:
    """A heartbeat costs the daemons there are."""
    read = rows_read(used, "select pgjobs.beat(%s, 'one', 'host', 1, '0', 'up', '[]')", uuid.uuid4())
    assert sum(read.values()) <= 10, read
