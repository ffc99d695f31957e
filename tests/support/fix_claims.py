"""Helpers: what daemons are given, what they hold and what they give up, asked of the database without a daemon."""

import threading
import uuid
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

from fix_jobs import PREPARE, Db, connect, insert_job
from fix_services import soon

ONE, TWO, THREE = (uuid.UUID(int=number) for number in (1, 2, 3))
CLAIM = "select job_id, shard, epoch from pgjobs.claim_shards(%s, %s, %s, interval '30 s', %s, %s)"
YIELDS = """
  select *
  from pgjobs.choose_yields(%s, array(select job_id || '/' || shard from pgjobs.shards where owner = %s), true, %s)
"""
Taken = list[tuple[int, int, int]]


def take(
    db: Db,
    daemon: uuid.UUID = ONE,
    places: int = 1,
    *,
    running: Sequence[tuple[int, int, int]] = (),
    autostart: bool = True,
    broker: str = "idle",
) -> Taken:
    """(job, shard, epoch) of what a daemon is given that runs these."""
    names = [f"{job}/{shard}" for job, shard, _ in running]
    return db.execute(CLAIM, (daemon, names, autostart, places, broker)).fetchall()


def cut(db: Db, parts: int, **columns: Any) -> int:
    """The id of a new job that has been cut into so many shards already."""
    job = insert_job(db, shards=parts, **columns)
    insert = (
        "insert into pgjobs.shards (job_id, shard, priority, asked)"
        " select p.job_id, s, p.priority, true from pgjobs.shards p, generate_series(1, %s - 1) s where p.job_id = %s"
    )
    db.execute(insert, (parts, job))
    return job


def shards(taken: Iterable[tuple[Any, ...]]) -> list[tuple[int, int]]:
    """(job, shard) of what was taken."""
    return [(job, shard) for job, shard, _ in taken]


def beat(db: Db, daemon: uuid.UUID, broker: str = "connected") -> None:
    """A daemon is alive."""
    db.execute("select pgjobs.beat(%s, %s, 'here', 1, '0', %s, '[]')", (daemon, str(daemon), broker))


def yields(db: Db, daemon: uuid.UUID, held: timedelta = timedelta(seconds=30)) -> list[tuple[int, int]]:
    """(job, shard) of what a full daemon has to give up."""
    return shards(db.execute(YIELDS, (daemon, daemon, held)).fetchall())


def reason(db: Db, job: int) -> str:
    return str(db.value("select pgjobs.why(%s)", job))


def filled(
    db: Db, daemon: uuid.UUID, places: int, *, running: Sequence[tuple[int, int, int]] = (), **columns: Any
) -> Taken:
    """What a daemon holds that has filled so many places, beside those it runs, with jobs that are prepared."""
    parts = columns.pop("shards", 1)
    for _ in range(places):
        cut(db, parts, **columns)
    taken = take(db, daemon, places, running=running)
    assert places == len(taken)
    for each in taken:
        assert "go" == db.value(PREPARE, *each)
    return taken


@contextmanager
def meanwhile(db: Db, database: str, call: str, args: tuple[Any, ...]) -> Iterator[None]:
    """Another session makes a call that waits for a lock which the block holds on to."""
    with connect(database) as other:
        thread = threading.Thread(target=other.execute, args=(call, args))
        thread.start()
        waits = "select from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'"
        assert soon(lambda: db.value(f"select exists ({waits})"))
        yield
        thread.join(30)
        assert not thread.is_alive()
