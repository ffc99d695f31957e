"""What a checkpoint tells of its window: how long its confirms took, and how long the queue was before it."""

import contextlib
from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest
from fix_daemon import Engine
from fix_jobs import Db, claim, insert_job

from pgjobs.lab.proxy import Proxy

DELAY = 0.1
BEFORE = "pgjobs.{}({})"
TOLD = "select confirm_ms, backlog, sent from pgjobs.checkpoints where job_id = %s order by number"


@contextlib.contextmanager
def slowly(amqp_url: str) -> Iterator[str]:
    """An address of the broker that is a tenth of a second away in each direction."""
    parts = urlsplit(amqp_url)
    with Proxy(parts.hostname or "127.0.0.1", parts.port or 5672) as proxy:
        proxy.delay(DELAY)
        login = parts.netloc.rpartition("@")[0]
        yield parts._replace(netloc=f"{login}@127.0.0.1:{proxy.port}").geturl()


def test_each_window_tells_how_long_its_confirms_took(engine: Engine) -> None:
    """Every checkpoint of a job that publishes has the milliseconds up to the last confirm of its window; the length of
    the queue is not known, for nothing limits the job by it."""
    engine.add_retries(40)
    job = engine.add_job("expired")
    engine.start()
    engine.wait_status(job, "done")
    told = engine.rows(TOLD, job)
    assert 6 == len(told)
    assert all(0 <= row["confirm_ms"] < 60_000 for row in told), told
    assert {None} == {row["backlog"] for row in told}


def test_a_slow_broker_shows_in_its_checkpoints(engine: Engine) -> None:
    """Where the way to the broker and back takes two tenths of a second, no window is confirmed in less."""
    engine.add_retries(20)
    with slowly(engine.amqp_url) as url:
        job = engine.add_job("expired")
        engine.start(amqp_url=url)
        engine.wait_status(job, "done")
    told = [row["confirm_ms"] for row in engine.rows(TOLD, job)]
    assert 3 == len(told)
    assert min(told) >= 2 * DELAY * 1000, told


def test_a_dry_run_confirms_nothing(engine: Engine) -> None:
    """What publishes nothing has neither a latency nor a backlog."""
    engine.add_retries(20)
    job = engine.add_job("expired", dry_run=True)
    engine.start()
    engine.wait_status(job, "done")
    told = engine.rows(TOLD, job)
    assert told
    assert {(None, None)} == {(row["confirm_ms"], row["backlog"]) for row in told}


def test_a_window_of_what_is_skipped_confirms_nothing(engine: Engine) -> None:
    """A window of which nothing is sent has no latency; the others of the job have one."""
    engine.insert("xmp_services", [{"id": 290, "price": 4}])
    file = engine.add_file("lines.csv", b"no number\n" * 7 + b"923000000001\n")
    job = engine.add_job("injection", file, service_id=290)
    engine.start()
    engine.wait_status(job, "done")
    told = engine.rows(TOLD, job)
    assert [0, 1] == [row["sent"] for row in told]
    assert [True, False] == [row["confirm_ms"] is None for row in told]


def test_a_job_with_a_backlog_tells_how_long_its_queue_was(engine: Engine) -> None:
    """Each window of a job with a max_backlog has the messages that lay ready when it was let go: none before the
    first, and behind it those that were published before."""
    engine.add_retries(21)
    job = engine.value("insert into xmp_jobs (type, max_backlog) values ('expired', 1000) returning id")
    engine.start()
    engine.wait_status(job, "done")
    assert [0, 7, 14] == [row["backlog"] for row in engine.rows(TOLD, job)]


@pytest.mark.parametrize(
    "function", ["checkpoint_job", "checkpoint_and_finish", "checkpoint_items", "checkpoint_refused"]
)
def test_a_daemon_of_the_version_before_tells_neither(db: Db, function: str) -> None:
    """Whoever does not know the two values leaves them out, and the checkpoint is stored without them."""
    claimed = claim(db, insert_job(db))
    further = {"checkpoint_items": ", '{}', null", "checkpoint_refused": ", '{1}', '{empty}', '{x}'"}.get(function, "")
    known = f"%s, 0, %s, '30 s', 1, 1, 0, 1, 0, '[[\"skip\", \"empty\", 1]]', 0, '', ''{further}"
    assert "go" == db.value(f"select ({BEFORE}).verdict".format(function, known), claimed["job_id"], claimed["epoch"])
    assert (None, None) == db.row(
        "select confirm_ms, backlog from pgjobs.checkpoints where job_id = %s", claimed["job_id"]
    )
