"""What a claim, a wake-up and a look for more urgent shards cost does not depend on how many shards there are.

A database with the shards of 1,000,000 ended jobs, 10,000 that are due later, 10,000 that are held and 10,000 that wait
for another shard of their job. PostgreSQL itself counts the blocks that each call touches, here and in an empty one.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from fix_database import shared_database
from fix_jobs import Db, connect, insert_job, past_triggers

from pgjobs.lab.services import Services

ONE = "'00000000-0000-0000-0000-000000000001', '{}'"
"""The arguments that say which daemon asks, and that it runs nothing."""
CROWD = """
alter table pgjobs.shards set (fillfactor = 100);
insert into pgjobs.shards (job_id, finished_at) select n, now() from generate_series(1, 1000000) n;
insert into pgjobs.shards (job_id, priority, asked, due_at)
select n, n % 11, n % 2 = 0, now() + '1 day' from generate_series(1000001, 1010000) n;
insert into pgjobs.shards (job_id, asked, owner, lease_until, lease_check_at, claimed_at, prepared_at)
select n, true, md5((n % 700)::text)::uuid, now() + '1 day', now() + '1 day', now(), now()
from generate_series(1010001, 1020000) n;
insert into pgjobs.shards (job_id, shard, asked, started_at)
select 1020001 + n / 50, n % 50, true, now() from generate_series(0, 9999) n;
select setval('xmp_jobs_id_seq', 2000000);
"""
CALLS = {
    "claim": f"select * from pgjobs.claim_shards({ONE}, true, '30 s', 4)",  # noqa: S608 a constant of the test
    "claim of what is asked": f"select * from pgjobs.claim_shards({ONE}, false, '30 s', 4)",  # noqa: S608 a constant of the test
    "wake-up": "select pgjobs.next_wakeup(true)",
    "wake-up for what is asked": "select pgjobs.next_wakeup(false)",
    "yields": f"select * from pgjobs.choose_yields({ONE}, true, '30 s')",  # noqa: S608 a constant of the test
    "behind": "select pgjobs.is_behind(0::smallint)",
    "exhausted": "select pgjobs.end_exhausted_jobs()",
}


@pytest.fixture(scope="module")
def crowd(services: Services, template_database: str) -> Iterator[str]:
    """The URL of a database full of shards."""
    with shared_database(services, template_database, "crowd") as url:
        with connect(url) as db:
            db.execute(CROWD.encode())
            db.execute("vacuum analyze pgjobs.shards")
        yield url


@pytest.fixture
def crowded(crowd: str) -> Iterator[Db]:
    """A session of its own on that database; what it changes is undone, so that the tests may share it."""
    with connect(crowd) as db, db.transaction(force_rollback=True):
        yield db


@pytest.fixture
def vacuumed(crowd: str) -> Iterator[None]:
    """What is undone leaves no dead rows in the indexes, which other tests would count."""
    yield
    with connect(crowd) as db:
        db.execute("vacuum (index_cleanup on) pgjobs.shards")


def blocks(db: Db, call: str) -> int:
    """How many blocks of tables and indexes a call touches, the third time: the first ones also read the catalogs."""
    for _ in range(2):
        with db.transaction(force_rollback=True):
            db.execute(call.encode()).fetchall()
    with db.transaction(force_rollback=True):
        explained: Any = db.value(f"explain (analyze, buffers, format json) {call}")
    return int(explained[0]["Plan"]["Shared Hit Blocks"] + explained[0]["Plan"]["Shared Read Blocks"])


@pytest.mark.parametrize("busy", [False, True])
@pytest.mark.parametrize("call", CALLS)
def test_a_crowd_of_shards_costs_nothing(db: Db, crowded: Db, call: str, busy: bool) -> None:
    """With nothing to do and with jobs to start, each call touches about as many blocks as in an empty database: three
    more at most for each level of priority that is in use, and for each index that is deeper."""
    for each in (db, crowded):
        if busy:
            for priority in (0, 5, 9):
                insert_job(each, priority=priority, start_asked=True)
    empty, full = blocks(db, CALLS[call]), blocks(crowded, CALLS[call])
    assert full <= 2 * empty + 60, (empty, full)


def test_statistics_that_are_missing_change_nothing(crowded: Db, db: Db) -> None:
    """Where the planner knows nothing, or only a small table of before, the indexes are used all the same."""
    crowded.execute("delete from pg_statistic where starelid = 'pgjobs.shards'::regclass")
    crowded.execute("update pg_class set reltuples = 10, relpages = 1 where oid = 'pgjobs.shards'::regclass")
    for call in CALLS.values():
        assert blocks(crowded, call) <= 2 * blocks(db, call) + 60


@pytest.mark.usefixtures("vacuumed")
def test_many_that_nobody_asked_for_cost_nothing(crowded: Db) -> None:
    """Ten thousand jobs that are due and were not asked for cost a daemon without autostart nothing."""
    before = blocks(crowded, CALLS["claim of what is asked"])
    crowded.execute(
        "insert into pgjobs.shards (job_id, priority, due_at)"
        " select n, n % 11, now() - interval '1 day' from generate_series(1030001, 1040000) n"
    )
    assert blocks(crowded, CALLS["claim of what is asked"]) <= before + 60
    assert blocks(crowded, CALLS["wake-up for what is asked"]) <= before + 60


@pytest.mark.usefixtures("vacuumed")
def test_many_that_wait_cost_nothing(crowded: Db, db: Db) -> None:
    """Twenty thousand jobs of all priorities that have waited for up to an hour cost what eleven cost."""
    for each, jobs in ((db, 11), (crowded, 20_000)):
        with past_triggers(each):
            each.execute(
                "insert into xmp_jobs (id, type, priority, run_at)"
                " select n, 'expired', n %% 11, now() - n %% 11 * interval '6 min'"
                " from generate_series(1100001, 1100000 + %s) n",
                (jobs,),
            )
        assert jobs == each.value("select pgjobs.adopt_jobs()")
        each.execute("analyze pgjobs.shards")
    for call in CALLS.values():
        assert blocks(crowded, call) <= 2 * blocks(db, call) + 60, call


def test_a_checkpoint_touches_no_index_but_its_key(db: Db) -> None:
    """What every checkpoint and renewal changes has no index: each is a HOT update."""
    changed = {"lease_until", "after_key", "in_flight_to", "considered", "sent", "skipped", "returned", "log_bytes",
               "checkpoints", "updated_at", "note", "failures"}  # fmt: skip
    indexed = set(
        db.column(
            "select a.attname::text from pg_index i join pg_attribute a on a.attrelid = i.indrelid"
            " where i.indrelid = 'pgjobs.shards'::regclass"
            " and (a.attnum = any (i.indkey) or pg_get_indexdef(i.indexrelid) ~ ('\\m' || a.attname || '\\M'))"
        )
    )
    assert {"owner", "due_at", "priority", "asked", "lease_check_at"} <= indexed
    assert set() == changed & indexed


def test_the_measure_measures(crowded: Db) -> None:
    """A query that looks at all the ended shards, or at all that are held, is seen to do so."""
    assert blocks(crowded, "select count(*) from pgjobs.shards where epoch = 7") > 5000
    assert blocks(crowded, "select min(lease_until) from pgjobs.shards where owner is not null") > 60
