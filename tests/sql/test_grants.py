"""Grants: how much the shards of a job may publish together, asked by several of them at once."""

import threading

import psycopg
import pytest
from fix_jobs import Db, connect, insert_job
from fix_services import soon

GRANT = "select at_most from pgjobs.grant_records(%s, %s, 1, 80, 0, 0)"
WAITING = "select from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'"


def running(db: Db, shards: int, **columns: object) -> int:
    """A job in progress whose shards are all owned."""
    job = insert_job(db, shards=shards, **columns)
    db.execute("select * from pgjobs.claim_shards(gen_random_uuid(), '{}', true, '60 s')")
    db.execute(
        "insert into pgjobs.shards (job_id, shard, epoch, owner, lease_until, lease_check_at, claimed_at)"
        " select p.job_id, s, p.epoch, p.owner, p.lease_until, p.lease_until, now()"
        " from pgjobs.shards p, generate_series(1, %s - 1) s where p.job_id = %s",
        (shards, job),
    )
    return job


@pytest.mark.parametrize(
    "columns", [{"max_backlog": 100}, {"budget": '{"canary": {"first": 100}}'}], ids=["backlog", "canary"]
)
def test_shards_that_ask_at_once_are_granted_no_more_than_there_is(
    db: Db, database: str, columns: dict[str, object]
) -> None:
    """The second one waits for the first, and is granted what that has left."""
    job = running(db, 2, **columns)
    granted: list[int] = []
    with psycopg.connect(database) as first, connect(database) as second:
        row = first.execute(GRANT, (job, 0)).fetchone()
        assert (80,) == row
        asking = threading.Thread(target=lambda: granted.append(second.value(GRANT, job, 1)))
        asking.start()
        assert soon(lambda: db.execute(WAITING).fetchone() is not None)
        first.commit()
        asking.join(30)
    assert len(granted) == 1
    assert granted[0] <= 20


def test_the_beginning_of_a_rate_has_nothing_saved_up(db: Db) -> None:
    """The first records of a job are not more than those of any other moment; what an ended job was granted is gone."""
    job = running(db, 1, rate=5)
    # All of them are asked for at one moment.
    db.execute("select set_config('pgjobs.now', now()::text, false)")
    delays = [
        float(db.value("select extract(epoch from delay) from pgjobs.grant_records(%s, 0, 1, 1)", job))
        for _ in range(3)
    ]
    assert delays[0] == 0
    assert delays[2] > 0
    db.execute("select pgjobs.stop_job(%s)", (job,))
    assert db.column("select what from pgjobs.paces") == []
