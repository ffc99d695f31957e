"""Places: a job that is more urgent than what runs gets one soon, whatever fills them, and nothing is lost by it."""

from __future__ import annotations

import socket

import pytest
from fix_daemon import Engine
from oracle import certify

HELD = "select count(*) from pgjobs.shards where owner is not null"
RECORDS = 3000


def add(engine: Engine, *, shards: int = 1, priority: int = 5, params: str = "{}") -> int:
    """The id of a new job."""
    insert = "insert into xmp_jobs (type, shards, priority, params) values ('expired', %s, %s, %s) returning id"
    return int(engine.value(insert, shards, priority, params))


@pytest.mark.parametrize("daemons", [1, 2])
def test_an_urgent_job_gets_a_place_among_giants(engine: Engine, daemons: int) -> None:
    """While the shards of giants hold every place of every daemon and more of them wait, a small job of a higher
    priority runs to its end; the shard that gave its place up says why, goes on later, and no record is lost."""
    engine.add_retries(RECORDS)
    places = 2 * daemons
    running = [engine.start(window=1, max_running=2, lease_seconds=30) for _ in range(daemons)]
    with engine.slowed():
        giants = [add(engine, shards=4) for _ in range(2)]
        engine.wait_until(f"({HELD} and prepared_at is not null) = {places}")
        urgent = add(engine, priority=6, params='{"count": 5}')
        engine.wait_status(urgent, "done")
        assert ["in progress"] * 2 == [
            row["status"] for row in engine.rows("select status from xmp_jobs where priority = 5")
        ]
        told = f"it gave its place up to job {urgent}, whose priority is higher"
        engine.wait_for(lambda: any(told in daemon.said for daemon in running), "a daemon tells of it")
        assert 0 == engine.value("select coalesce(sum(failures), 0) from pgjobs.shards")
        engine.wait_until(f"({HELD}) = {places}")
        for daemon in running:
            assert 0 == daemon.terminate()
    engine.start(window=500)
    for giant in giants:
        engine.wait_status(giant, "done")
    expected = dict.fromkeys(giants, range(1, RECORDS + 1)) | {urgent: range(1, 6)}
    certify(engine, expected, faults=0, window=500)


def test_equal_jobs_share_one_place(engine: Engine) -> None:
    """Two giants of equal priority and one place: each gives it up to the other one after the life of a cursor, so that
    both go forward, and both are done in the end without a record twice."""
    engine.add_retries(RECORDS)
    daemon = engine.start(window=1, max_running=1, segment_seconds=0.5, lease_seconds=30)
    first, second = add(engine), add(engine)
    both = "2 = (select count(*) from pgjobs.shards where epoch >= 2 and considered > 0)"
    engine.wait_until(both)
    daemon.wait_said(f"it gave its place up to job {second}, whose turn it was")
    daemon.wait_said(f"it gave its place up to job {first}, whose turn it was")
    assert 0 == daemon.terminate()
    engine.start(window=500, max_running=1)
    for job in (first, second):
        engine.wait_status(job, "done")
    certify(engine, dict.fromkeys((first, second), range(1, RECORDS + 1)), faults=0, window=500)


def test_a_daemon_without_a_broker_leaves_the_work_to_others(engine: Engine) -> None:
    """Of two daemons one can't reach its broker: once it has noticed, all shards run at the other one, no job is set
    back again and again, and when nobody else lives it tries itself."""
    engine.add_retries(200)
    with socket.create_server(("127.0.0.1", 0)) as nobody:
        closed = f"amqp://guest:guest@127.0.0.1:{nobody.getsockname()[1]}/"
    lost = engine.start(amqp_url=closed)
    # Alone it tries.
    first = add(engine)
    engine.wait_until("exists (select from pgjobs.shards where failures > 0)")
    good = engine.start()
    engine.wait_status(first, "done")
    engine.wait_until("exists (select from pgjobs.daemons where broker not in ('', 'idle', 'connected'))")
    jobs = [add(engine, shards=2) for _ in range(5)]
    for job in jobs:
        engine.wait_status(job, "done")
        assert f"job {job}, shard 0" in good.said
        assert f"job {job}, shard" not in lost.said
    assert 0 == engine.value("select coalesce(sum(failures), 0) from pgjobs.shards where job_id > %s", first)
