"""Rules of the protocol that chance seldom tries, each shown directly: fencing, clocks, answers of the broker, hints
that get lost. A mutant that breaks one of them dies here."""

import asyncio
import os
import time
import uuid
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import psycopg
import pytest
from fix_daemon import Engine
from fix_jobs import PREPARE, WORKER, Db, claim, connect, insert_job, prepare, set_status
from pika import spec

from pgjobs.broker.confirms import Confirms
from pgjobs.broker.publisher import Publisher
from pgjobs.engine.control import Control
from pgjobs.engine.lease import Lease, Orders, boot_seconds
from pgjobs.engine.listen import Hint, Listener
from pgjobs.errors import Interrupted
from pgjobs.lab.services import Services
from pgjobs.metrics import Metrics
from pgjobs.settings import read_settings

CHECKPOINT = (
    "select verdict from pgjobs.checkpoint_job(%s, %s, %s, interval '30 s', %s, %s, 1, 0, 0,"
    " '[[\"sent\", \"\", 1]]', 100, '\\x00', '\\x0000')"
)
LAST = CHECKPOINT.replace("checkpoint_job", "checkpoint_and_finish")
CLAIM = "select epoch from pgjobs.claim_shards(%s, '{}', true, interval '30 s')"
RENEW = "select verdict from pgjobs.renew_lease(%s, %s, %s, interval '30 s', 5, null)"
OPEN = (
    "select verdict from pgjobs.open_shard(%s, %s, %s, interval '30 s', 'here', '/x/y.log', 100,"
    " null, null, null, null, null, null)"
)
CALLS = {
    "checkpoint": (CHECKPOINT, (3, 4)),
    "last checkpoint": (LAST, (3, 3)),
    "renew": (RENEW, ()),
    "finish": ("select pgjobs.finish_shard(%s, %s, %s)", ()),
    "release": ("select pgjobs.release_shard(%s, %s, %s, true, true)", ()),
    "park": ("select pgjobs.park_shard(%s, %s, %s, true, interval '1 s', 'x', true)", ()),
    "repeats": ("select verdict from pgjobs.note_repeats(%s, %s, %s, interval '30 s', 4)", ()),
    "fail": ("select pgjobs.fail_job(%s, %s, %s, true, 'x', 'y')", ()),
    "prepare": (PREPARE, ()),
    "position": ("select end_key from pgjobs.shard_position(%s, %s, %s)", ()),
    "open": (OPEN, ()),
    "log": ("select path from pgjobs.open_log(%s, %s, %s, 'here', '/x/y.log', false)", ()),
}
ANSWERS = {
    "checkpoint": "go",
    "last checkpoint": "go",
    "renew": "go",
    "finish": "done",
    "release": "",
    "park": True,
    "repeats": "go",
    "fail": "",
    "prepare": "go",
    "position": 9,
    "open": "go",
    "log": "/x/y.log",
}
"""What the owner is told; release and fail have no answer."""
STATE = (
    "select (p.*)::text, (select array_agg(s::text) from pgjobs.log_segments s),"
    " (select count(*) from pgjobs.checkpoints),"
    " (select sum(n) from pgjobs.outcomes), (select status from xmp_jobs) from pgjobs.shards p"
)
OTHER = uuid.UUID("99999999-2222-3333-4444-555555555555")


@pytest.fixture
def claimed(db: Db) -> dict[str, Any]:
    """A shard of a prepared job, claimed by the first worker."""
    db.execute("insert into xmp_retries_expired (id, msisdn) select i, '92300' || i from generate_series(1, 9) i")
    found = claim(db, insert_job(db))
    prepare(db, found)
    return found


def run_out(db: Db) -> None:
    """The lease has run out."""
    db.execute(
        "update pgjobs.shards set lease_until = clock_timestamp() - interval '1 s', lease_check_at = '-infinity'"
    )


def answer(db: Db, call: str, found: dict[str, Any]) -> Any:
    """What a call of an owner is answered; nothing is nothing."""
    statement, rest = CALLS[call]
    row = db.execute(statement.encode(), (found["job_id"], found["shard"], found["epoch"], *rest)).fetchone()
    return row and row[0]


@pytest.mark.parametrize("call", CALLS)
def test_an_owner_of_old_changes_nothing(db: Db, claimed: dict[str, Any], call: str) -> None:
    """Whatever an owner asks for after another one has taken the shard over, it is answered with nothing, and
    nothing has changed."""
    run_out(db)
    assert claimed["epoch"] + 1 == db.value(CLAIM, OTHER)
    before = db.row(STATE)
    assert answer(db, call, claimed) in (None, "")
    assert before == db.row(STATE)


@pytest.mark.parametrize("call", [call for call in CALLS if call not in ("release", "park", "position")])
def test_an_owner_too_late_changes_nothing(db: Db, claimed: dict[str, Any], call: str) -> None:
    """An owner whose lease has run out is answered with nothing although nobody has taken over yet."""
    run_out(db)
    before = db.row(STATE)
    assert answer(db, call, claimed) in (None, "")
    assert before == db.row(STATE)


@pytest.mark.parametrize("call", CALLS)
def test_the_owner_is_answered(db: Db, claimed: dict[str, Any], call: str) -> None:
    """The same calls of the owner in time are answered, and change what they are to: the two tests above test
    something."""
    before = db.row(STATE)
    assert ANSWERS[call] == answer(db, call, claimed)
    # A job that is prepared stays as it is.
    assert (call in ("position", "prepare")) == (before == db.row(STATE))


@pytest.mark.parametrize(("limit", "announced"), [(100, 9), (101, None), (None, None)])
def test_what_fits_into_a_window_is_announced_at_once(
    db: Db, claimed: dict[str, Any], limit: int | None, announced: int | None
) -> None:
    """Of a job that may send no more than a window holds all is announced with its log, of any other nothing."""
    db.execute("update pgjobs.shards set send_limit = %s", (limit,))
    key = (claimed["job_id"], claimed["shard"], claimed["epoch"])
    assert announced == db.value(OPEN.replace("verdict", "announced"), *key)
    assert announced == db.value("select in_flight_to from pgjobs.shards")


def test_the_last_checkpoint_ends_the_job(db: Db, claimed: dict[str, Any], database: str) -> None:
    """The last window and the end are stored together, unless somebody is changing the job: then the window alone is,
    and nobody waits; the end can be asked for afterwards."""
    last = (claimed["job_id"], claimed["shard"], claimed["epoch"], 3, 3)
    call = LAST.replace("select verdict", "select verdict, answer").encode()
    with connect(database) as other, other.transaction():
        other.execute("select from xmp_jobs where id = %s for update", (claimed["job_id"],))
        # Whoever waited would wait for this test itself.
        db.execute("set lock_timeout = '10s'")
        assert ("go", None) == db.execute(call, last).fetchone()
    assert (1, None) == db.row("select considered, finished_at from pgjobs.shards")
    assert ("go", "done") == db.execute(call, last).fetchone()
    assert (2, "done") == db.row("select p.considered, j.status::text from pgjobs.shards p, xmp_jobs j")


def test_a_job_that_was_stopped_is_not_ended_by_its_last_checkpoint(db: Db, claimed: dict[str, Any]) -> None:
    """The last window of a job that was stopped counts, and the run is told of the stop."""
    set_status(db, claimed["job_id"], "canceled")
    call = LAST.replace("select verdict", "select verdict, answer").encode()
    last = (claimed["job_id"], claimed["shard"], claimed["epoch"], 3, 3)
    assert ("stop", None) == db.execute(call, last).fetchone()
    assert (1, None) == db.row("select considered, finished_at from pgjobs.shards")


def test_an_end_that_is_refused_leaves_the_last_window_to_its_own_checkpoint(db: Db, claimed: dict[str, Any]) -> None:
    """Where the end is refused nothing of the last window is stored, so that it can be stored once, alone."""
    db.execute(
        "insert into pgjobs.outcomes (job_id, shard, action, code, n) values (%s, 0, 'skip', 'x', 1)",
        (claimed["job_id"],),
    )
    last = (claimed["job_id"], claimed["shard"], claimed["epoch"], 3, 3)
    with pytest.raises(psycopg.ProgrammingError, match="of 1 record considered 2 are accounted for"):
        db.execute(LAST.encode(), last)
    assert 0 == db.value("select considered from pgjobs.shards")
    assert "go" == db.value(CHECKPOINT, *last)


def test_nobody_is_given_the_shard_he_is_letting_go_of(db: Db) -> None:
    """Of a job stopped and resumed at once, a daemon gets no shard while it still lets go of any: it would fence out
    itself, again and again."""
    db.execute("insert into xmp_retries_expired (msisdn) values ('a'), ('b')")
    job = insert_job(db, shards=2)
    first = claim(db, job)
    prepare(db, first)
    second = claim(db, job)
    db.execute("select pgjobs.finish_shard(%s, %s, %s)", (job, first["shard"], first["epoch"]))
    for status in ("canceled", "ready"):
        db.execute("update xmp_jobs set status = %s where id = %s", (status, job))
    take = "select count(*) from pgjobs.claim_shards(%s, %s, true, interval '30 s')"
    assert 0 == db.value(take, WORKER, [f"{job}/{second['shard']}"])
    release = "select pgjobs.release_shard(%s, %s, %s, true, false)"
    db.execute(release, (job, second["shard"], second["epoch"]))
    assert 0 == db.value(take, WORKER, [f"{job}/{second['shard']}"])
    assert 1 == db.value(take, WORKER, [])


def test_a_job_with_nothing_left_is_done_however_it_came_to_run(db: Db) -> None:
    """A job whose last shard finished while it was stopped, then set in progress, is ended by the chores."""
    job = insert_job(db)
    held = claim(db, job)
    prepare(db, held)
    db.execute("update xmp_jobs set status = 'canceled' where id = %s", (job,))
    assert "finished" == db.value("select pgjobs.finish_shard(%s, 0, %s)", job, held["epoch"])
    for status in ("ready", "in progress"):
        set_status(db, job, status)
    db.execute("select pgjobs.sweep()")
    assert "done" == db.value("select status::text from xmp_jobs where id = %s", job)


@pytest.mark.parametrize("action", ["renew_lease", "renew_leases", "checkpoint_job", "claim_shards"])
def test_leases_know_the_clock_of_the_database_only(db: Db, action: str) -> None:
    """No function about leases takes a moment as an argument: durations come in, the database says what time it is."""
    arguments = db.value("select pg_get_function_arguments(oid) from pg_proc where proname = %s", action)
    assert "timestamp" not in arguments
    assert "interval" in arguments


def test_a_lease_sleeps_with_the_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    """The holder's trust in its lease depends on the clock that also runs in suspension, not on the time of day:
    a clock set anywhere makes no difference."""
    asked: list[None] = []

    async def act() -> None:
        async def renew() -> None:
            asked.append(None)
            lease.obey(Orders("go"), boot_seconds())

        lease = Lease(10, boot, renew)
        await lease.ensure()
        assert [] == asked
        now[0] += 6.9
        await lease.ensure()
        assert [] == asked
        now[0] += 0.2
        await lease.ensure()
        assert 1 == len(asked)
        await lease.ensure()
        assert 1 == len(asked)

    boot = 1000.0
    now = [boot]
    monkeypatch.setattr("time.clock_gettime", lambda clock: now[0] if clock == time.CLOCK_BOOTTIME else 1e9)
    monkeypatch.setattr("time.time", lambda: 1e10)
    asyncio.run(act())


def test_confirms_come_as_ranges() -> None:
    """One confirm may stand for many messages, in any order, and a flight lands when each of its messages is
    answered."""

    async def act() -> None:
        confirms = Confirms()
        first, second = confirms.take_off(range(10)), confirms.take_off(range(10, 20))
        assert [] == confirms.settle(9, multiple=True, nack=False)
        assert [] == confirms.settle(12, multiple=False, nack=False)
        assert [first] == confirms.settle(10, multiple=False, nack=False)
        assert [] == confirms.settle(15, multiple=True, nack=True)
        assert [second] == confirms.settle(20, multiple=True, nack=False)
        assert [] == first.nacked
        assert [10, 12, 13, 14] == second.nacked

    asyncio.run(act())


def test_each_message_of_a_flight_may_be_refused() -> None:
    """The first and the last message of a flight are refused one by one as well as together, once each, whatever is
    said of one that has its answer already."""

    async def act() -> None:
        confirms = Confirms()
        first, second = confirms.take_off([10, 20, 30]), confirms.take_off([40, 50])
        assert 2 == confirms.behind
        assert [] == confirms.settle(1, multiple=False, nack=True)
        assert [first] == confirms.settle(3, multiple=True, nack=True)
        assert [] == confirms.settle(3, multiple=True, nack=True)
        assert [10, 20, 30] == first.nacked
        assert 0 == confirms.behind
        third = confirms.take_off([60, 70])
        assert 2 == confirms.behind
        assert [second] == confirms.settle(5, multiple=True, nack=False)
        assert [] == confirms.settle(5, multiple=False, nack=False)
        assert [third] == confirms.settle(7, multiple=True, nack=True)
        assert ([], [60, 70]) == (second.nacked, third.nacked)
        assert 0 == confirms.behind
        assert set() == confirms._loose

    asyncio.run(act())


def test_a_blocked_broker_is_waited_for() -> None:
    """Silence of a broker that has said it is blocked is no interruption; of one that has not, it is."""

    async def act() -> None:
        metrics = Metrics()
        publisher = Publisher(metrics, 0.01)
        flight = publisher._confirms.take_off(range(3))
        ticks = 0

        async def tick() -> None:
            nonlocal ticks
            ticks += 1
            if ticks == 2:
                confirm = SimpleNamespace(method=spec.Basic.Ack(3, multiple=True))
                publisher._on_confirm(confirm)

        publisher.connection._on_blocked(None, SimpleNamespace(method=spec.Connection.Blocked("low on memory")))
        assert publisher.blocked_since is not None
        assert "low on memory" == publisher.blocked_reason
        await publisher.settle(flight, tick)
        publisher.connection._on_unblocked(None, None)
        silent = publisher._confirms.take_off(range(3))

        async def nothing() -> None:
            """Nobody asks for anything."""

        with pytest.raises(Interrupted, match="no confirm"):
            await publisher.settle(silent, nothing)

    asyncio.run(act())


def test_a_connection_that_is_given_up_is_closed(
    services: Services, queue: str, caplog: pytest.LogCaptureFixture
) -> None:
    """A connection dropped with unconfirmed messages is closed at once, and nothing stumbles over it."""

    async def act() -> None:
        publisher = await Publisher.connect(services.amqp_url, "test", Metrics(), 5)
        connection: Any = publisher.connection.raw
        form = publisher.format(exchange="", routing_key=queue, message_type=None, headers={})
        publisher.publish([(form, [(1, b"", None, None, b"x")])], "1-")
        publisher.close()
        await publisher.wait_closed()
        assert connection.is_closed
        assert connection._transport is None

    asyncio.run(act())
    assert [] == [record.getMessage() for record in caplog.records if record.levelname == "ERROR"]


@pytest.mark.parametrize("lost", [False, True])
def test_a_connection_that_is_not_needed_any_more_is_no_loss(services: Services, queue: str, lost: bool) -> None:
    """One that is closed while nothing is in flight is not counted as lost; one that is given up with messages in
    flight is, as is one that the broker ends."""

    async def act() -> None:
        metrics = Metrics()
        publisher = await Publisher.connect(services.amqp_url, "test", metrics, 5)
        if lost:
            form = publisher.format(exchange="", routing_key=queue, message_type=None, headers={})
            publisher.publish([(form, [(1, b"", None, None, b"x")])], "1-")
        publisher.close()
        async with asyncio.timeout(30):
            await publisher.connection.lost
        await publisher.wait_closed()
        ended = await Publisher.connect(services.amqp_url, "test", metrics, 5)
        ended._channel.basic_ack(77)  # nobody gave it this message to acknowledge
        async with asyncio.timeout(30):
            await ended.connection.lost
        ended.close()
        await ended.wait_closed()
        counted = {
            labels["reason"]: n for name, labels, n in samples(metrics) if name == "pgjobs_broker_reconnects_total"
        }
        assert counted == {"ChannelClosedByBroker": 1} | ({"ConnectionClosedByClient": 1} if lost else {})

    asyncio.run(act())


def samples(metrics: Metrics) -> list[tuple[str, dict[str, str], float]]:
    """(name, labels, value) of everything that was counted."""
    return [(one.name, one.labels, one.value) for family in metrics.registry.collect() for one in family.samples]


def test_listening_comes_before_looking(database: str) -> None:
    """What is announced while the daemon takes its first look after connecting is heard: it listens before it looks."""
    heard: list[int | None] = []

    async def act() -> None:
        done = asyncio.Event()

        def hear(hint: Hint) -> None:
            if not heard:
                with connect(database) as other:
                    other.execute("select pg_notify('pgjobs', '{\"id\": 7}')")
            heard.append(hint.job_id)
            if hint.job_id == 7:
                done.set()

        listening = asyncio.create_task(
            Listener(database, Control(read_settings()), Metrics(), 60, hear).run(lambda: None)
        )
        async with asyncio.timeout(60):
            await done.wait()
        listening.cancel()
        await asyncio.gather(listening, return_exceptions=True)

    asyncio.run(act())
    assert [None, 7] == heard


def test_a_job_nobody_announced(engine: Engine) -> None:
    """A job whose notification is lost is found by the timer, by a daemon nothing else wakes up."""
    engine.execute("alter table xmp_jobs disable trigger pgjobs_30_notify_insert")
    engine.execute("alter table xmp_jobs disable trigger pgjobs_30_notify_update")
    engine.add_retries(10)
    engine.start(poll_seconds=1)
    session = "exists (select from pg_stat_activity where datname = current_database() and state = 'idle' and {})"
    engine.wait_until(session.format("application_name = 'pgjobs listen' and query ilike 'listen%%'"))
    engine.value("select pg_notify('pgjobs', '{}')")
    first = engine.add_job("expired")
    engine.wait_status(first, "done")
    asleep = "query ilike '%%next_wakeup%%' and query_start > (select finish_at from xmp_jobs)"
    engine.wait_until(session.format(f"application_name = 'pgjobs claims' and {asleep}"))
    second = engine.add_job("expired")
    engine.wait_status(second, "done")


def test_a_stop_is_obeyed_at_the_next_checkpoint(engine: Engine) -> None:
    """A stop in mid-run takes effect within the windows in flight, not at the end of the job."""
    engine.add_retries(700)
    job = engine.add_job("expired")
    engine.stop_when_considered(job, 21)
    engine.start()
    engine.wait_status(job, "canceled")
    assert 21 <= engine.counters(job).considered <= 21 + 2 * 7
    assert engine.counters(job).considered == len(engine.drain())


@pytest.mark.parametrize("left", [-1, None], ids=["cut", "removed"])
def test_a_log_that_became_shorter_goes_on_in_another_file(engine: Engine, left: int | None) -> None:
    """A log file cut or removed behind the engine's back is left as it is; the job goes on in a further segment,
    each segment keeps its own length, and the daemon says what happened."""
    engine.add_retries(100)
    job = engine.add_job("expired")
    engine.stop_when_considered(job, 50)
    daemon = engine.start()
    engine.wait_status(job, "canceled")
    path = Path(engine.value("select log_path from xmp_jobs"))
    committed = path.stat().st_size
    if left is None:
        path.unlink()
    else:
        os.truncate(path, committed + left)
    engine.set_status(job, "ready")
    engine.wait_status(job, "done")
    segments = engine.rows("select segment, path, bytes from pgjobs.log_segments order by segment")
    assert [1, 2] == [segment["segment"] for segment in segments]
    assert committed == segments[0]["bytes"]
    assert Path(segments[1]["path"]).stat().st_size == segments[1]["bytes"]
    assert (path.exists() and path.stat().st_size) == (False if left is None else committed + left)
    daemon.wait_said(f"log {path} is out of reach")
