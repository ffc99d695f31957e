"""What waits in vain: a daemon told to end lets go in time whatever a server does, a stop works, and `why` says it."""

import contextlib
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from fix_broker import Drain
from fix_daemon import Engine
from fix_jobs import Db, claim, insert_job, prepare
from fix_services import soon
from oracle import certify

from pgjobs.lab.proxy import Proxy
from pgjobs.lab.rabbitmq import PrivateBroker

END_SECONDS = 30
OWNERS = "select count(*) from pgjobs.shards where owner is not null"


@contextlib.contextmanager
def proxied(url: str, port: int) -> Iterator[tuple[Proxy, str]]:
    """A proxy in front of a server, whose usual port this is, and the address through it."""
    parts = urlsplit(url)
    with Proxy(parts.hostname or "127.0.0.1", parts.port or port) as proxy:
        login = parts.netloc.rpartition("@")[0]
        yield proxy, parts._replace(netloc=f"{login}@127.0.0.1:{proxy.port}").geturl()


@pytest.fixture
def behind(engine: Engine) -> Iterator[tuple[Proxy, str]]:
    """A proxy in front of the database, and the address through it."""
    with proxied(engine.daemon_url, 5432) as (proxy, url):
        yield proxy, f"{url}?sslmode=disable"


@pytest.mark.parametrize("when", ["working", "idle", "starting"])
def test_the_database_is_a_black_hole_when_the_daemon_is_told_to_end(
    engine: Engine, behind: tuple[Proxy, str], when: str
) -> None:
    """A database that swallows everything does not keep a daemon: it ends in time, says what it left, and another one
    takes over."""
    proxy, url = behind
    engine.add_retries(20_000)
    if when == "starting":
        proxy.stall()
    daemon = engine.start(ready=when != "starting", database_url=url, drain_seconds=1)
    job = engine.add_job("expired")
    if when == "starting":
        assert soon(lambda: proxy.connections > 0)
    elif when == "idle":
        engine.set_status(job, "canceled")
        proxy.stall()
    else:
        engine.wait_considered(job, 50)
        proxy.stall()
    assert 0 == daemon.terminate(END_SECONDS)
    if when == "working":
        assert "a server does not answer" in daemon.said
        assert "has let go of everything" not in daemon.said
    engine.start(window=500)
    if when == "idle":
        engine.wait_status(job, "canceled")
        engine.set_status(job, "ready")
    engine.wait_status(job, "done")
    certify(engine, {job: range(1, 20_001)}, faults=1, window=7)


@pytest.fixture
def full(engine: Engine) -> Iterator[str]:
    """A queue that refuses more than ten messages; jobs are routed to it."""
    with Drain(engine.amqp_url) as broker:
        name = f"{engine.queue}-full"
        limits = {"x-max-length": 10, "x-overflow": "reject-publish"}
        broker.channel.queue_declare(name, durable=True, arguments=limits)
        engine.set_route(name)
        yield name
        broker.channel.queue_delete(name)


def test_a_stop_does_not_wait_for_a_queue_with_room(engine: Engine, full: str) -> None:
    """A job whose messages are refused is stopped at once, holds no snapshot, and goes on when there is room."""
    engine.add_retries(60)
    engine.start(segment_seconds=1)
    job = engine.add_job("expired")
    engine.wait_until("pgjobs.why(%s) like '%%(nack)%%'", job)
    idle = "select from pg_stat_activity where datname = current_database() and state = 'idle in transaction'"
    engine.wait_until(f"not exists ({idle} and application_name = 'pgjobs reader')")
    engine.set_status(job, "canceled")
    engine.wait_status(job, "canceled")
    engine.set_route(engine.queue)
    engine.set_status(job, "ready")
    engine.wait_status(job, "done")
    taken = {message.key for message in [*engine.drain(full), *engine.drain()]}
    assert set(range(1, 61)) == taken
    assert list(range(1, 61)) == [line.key for line in engine.log_lines(job)]


def test_a_daemon_that_is_refused_hands_back(engine: Engine, full: str) -> None:
    """A daemon told to end while the broker refuses its messages hands the job back: another one need not wait for
    the lease."""
    engine.add_retries(60)
    daemon = engine.start(drain_seconds=1, lease_seconds=3600)
    job = engine.add_job("expired")
    engine.wait_until("pgjobs.why(%s) like '%%(nack)%%'", job)
    assert 0 == daemon.terminate(END_SECONDS)
    assert "has let go of everything" in daemon.said
    assert "ready" == engine.value("select status from xmp_jobs where id = %s", job)
    assert 0 == engine.value(OWNERS)
    assert len(engine.drain(full)) <= 10


def test_a_daemon_that_reads_a_file_hands_back(engine: Engine) -> None:
    """A daemon told to end while it reads a huge file hands the job back, with none of its lines half read."""
    name = engine.add_file("huge.csv", b"".join(b"92300%07d\n" % n for n in range(1_500_000)))
    daemon = engine.start(drain_seconds=0.5, lease_seconds=3600)
    job = engine.add_job("injection", name)
    copying = "select from pg_stat_activity where datname = current_database() and query like 'copy pgjobs.injection%%'"
    engine.wait_until(f"exists ({copying})")
    assert 0 == daemon.terminate(END_SECONDS)
    assert "has let go of everything" in daemon.said
    assert "ready" == engine.value("select status from xmp_jobs where id = %s", job)
    assert 0 == engine.value(OWNERS)
    assert 0 == engine.value("select count(*) from pgjobs.injection_lines")


def test_a_daemon_whose_broker_stays_mute_hands_back(engine: Engine) -> None:
    """A daemon told to end while a broker lets it connect and says nothing hands the job back all the same."""
    with socket.create_server(("127.0.0.1", 0)) as broker:
        url = f"amqp://guest:guest@127.0.0.1:{broker.getsockname()[1]}/%2F"
        daemon = engine.start(drain_seconds=0.5, lease_seconds=3600, stall_seconds=600, amqp_url=url)
        engine.add_retries(1)
        job = engine.add_job("expired")
        engine.wait_until(f"1 = ({OWNERS})")
        assert 0 == daemon.terminate(END_SECONDS)
    assert "has let go of everything" in daemon.said
    assert "ready" == engine.value("select status from xmp_jobs where id = %s", job)
    assert 0 == engine.value(OWNERS)


def test_a_daemon_whose_confirms_do_not_come_hands_back(engine: Engine) -> None:
    """A daemon told to end while the broker falls silent in the middle of a window hands the job back after its time to
    drain; what was in flight is uncertain, and another daemon sends the rest."""
    engine.add_retries(20_000)
    with proxied(engine.amqp_url, 5672) as (proxy, url):
        daemon = engine.start(drain_seconds=0.1, lease_seconds=3600, stall_seconds=600, amqp_url=url)
        job = engine.add_job("expired")
        engine.wait_considered(job, 50)
        proxy.stall()
        engine.wait_until("exists (select from pgjobs.shards where note like '%%confirms nothing%%')")
        assert 0 == daemon.terminate(END_SECONDS)
        assert "has let go of everything" in daemon.said
        assert "ready" == engine.value("select status from xmp_jobs where id = %s", job)
        assert 0 == engine.value(OWNERS)
        proxy.cut()
    engine.start(window=500)
    engine.wait_status(job, "done")
    certify(engine, {job: range(1, 20_001)}, faults=1, window=7)


def test_a_daemon_connects_once_for_all_its_shards(engine: Engine) -> None:
    """However many shards wait for an unreachable broker, their daemon tries to connect at most once a second."""
    attempts: list[float] = []
    with socket.create_server(("127.0.0.1", 0)) as door:

        def answer() -> None:
            while True:
                try:
                    door.accept()[0].close()
                except OSError:
                    return
                attempts.append(time.monotonic())

        threading.Thread(target=answer, daemon=True).start()
        engine.add_retries(10)
        for _ in range(12):
            engine.add_job("expired", count=1)
        engine.start(amqp_url=f"amqp://guest:guest@127.0.0.1:{door.getsockname()[1]}/", max_running=12)
        engine.wait_until("12 <= (select count(*) from pgjobs.shards where failures > 0)")
        engine.wait_for(lambda: len(attempts) > 3, "it tries again and again")
        door.shutdown(socket.SHUT_RDWR)
    # The thread that hears of one may be late by a moment.
    assert attempts[-1] - attempts[0] > len(attempts) - 2


def test_why_has_an_answer_when_nothing_moves(db: Db) -> None:
    """A job that is held and has finished no window for a while says so, whatever its daemon waits for."""
    db.execute("insert into xmp_retries_expired (msisdn) values ('923000000001')")
    job = insert_job(db)
    claimed = claim(db, job)
    db.execute(
        "insert into pgjobs.daemons (id, name, host, pid, version, started_at, seen_at)"
        " select owner, 'd', 'h', 1, '1', now(), now() from pgjobs.shards"
    )
    assert db.value("select pgjobs.why(%s)", job) is None
    db.execute("update pgjobs.events set at = at - interval '1 minute'")
    db.execute("update pgjobs.shards set claimed_at = claimed_at - interval '1 minute'")
    assert "its daemon reads its file, or looks" in db.value("select pgjobs.why(%s)", job)
    prepare(db, claimed)
    assert db.value("select pgjobs.why(%s)", job).startswith("no window of it was finished for 6")


def test_a_job_keeps_its_shards_when_its_type_changes(db: Db) -> None:
    """A job that has begun is resumed and handed back as it began, though its type is cut into shards by now, or
    knows one of its parameters no more."""
    job = insert_job(db, params={"count": 5})
    claimed = claim(db, job)
    assert 1 == db.value("select shards from xmp_jobs where id = %s", job)
    db.execute("update xmp_job_types set shards = 2, params = array_remove(params, 'count') where name = 'expired'")
    db.execute("select pgjobs.release_shard(%s, 0, %s, true, true)", (job, claimed["epoch"]))
    assert "ready" == db.value("select status from xmp_jobs where id = %s", job)
    claim(db, job)
    db.execute("update xmp_jobs set status = 'canceled' where id = %s", (job,))
    db.execute("update xmp_jobs set status = 'ready' where id = %s", (job,))
    assert 1 == db.value("select count(*) from pgjobs.shards where job_id = %s", job)


@pytest.mark.parametrize(
    ("how", "words"), [("cut", "somebody changed it"), ("removed", "somebody moved or removed it")]
)
def test_a_log_that_somebody_took_away(engine: Engine, how: str, words: str) -> None:
    """A log cut or removed in mid-job breaks the job off with a sentence; it is never done without its lines."""
    engine.add_retries(20_000)
    engine.start(window=20)
    job = engine.add_job("expired")
    engine.wait_considered(job, 100)
    (log,) = engine.log_dir.glob(f"job-{job}-*.log")
    if how == "cut":
        log.write_bytes(b"")
    else:
        log.unlink()
    engine.wait_status(job, "error")
    assert words in engine.error_of(job)
    assert str(log) in engine.error_of(job)
    engine.set_status(job, "ready")
    engine.wait_status(job, "done")
    taken = {message.key for message in engine.drain()}
    assert set(range(1, 20_001)) == taken


def own_type(engine: Engine, name: str, target: str, body: str) -> None:
    """A job type whose selector takes target and body of a retry from these expressions."""
    columns = f"id as key, {target} as target, null as code, null as detail, {body} as body"
    rows = f"select {columns} from public.xmp_retries_expired"  # noqa: S608
    engine.execute(
        f"create function public.{name}(_job bigint, _shard integer, _after bigint, _end bigint)"
        f" returns text language sql as $$"
        f" select $text${rows}$text$ || ' where id > ' || coalesce(_after, 0) || ' order by id' $$"
    )
    insert = "insert into xmp_job_types (name, selector, routing_key, params) values (%s, %s, %s, '{dry_run}')"
    engine.execute(insert, name, f"public.{name}", engine.queue)


def test_a_record_the_selector_fails_on(engine: Engine) -> None:
    """All records before one that can't be selected are sent and accounted for; the sentence names the place."""
    engine.add_retries(300)
    engine.execute("update xmp_retries_expired set price = 0 where id = 101")
    own_type(engine, "halved", "msisdn", "(1000 / price)::text")
    engine.start(window=64)
    job = engine.add_job("halved")
    engine.wait_status(job, "error")
    assert "the record behind 100 can't be selected: division by zero" == engine.error_of(job)
    assert 100 == engine.counters(job).sent
    engine.execute("update xmp_retries_expired set price = 1 where id = 101")
    engine.set_status(job, "ready")
    engine.wait_status(job, "done")
    assert list(range(1, 301)) == [line.key for line in engine.log_lines(job)]
    assert list(range(1, 301)) == [message.key for message in engine.drain()]


@pytest.mark.parametrize("dry", [0, 1])
def test_a_message_without_a_body(engine: Engine, dry: int) -> None:
    """A selector that makes nothing of a record loses that record alone: it is skipped with its reason, also dry."""
    engine.add_retries(9)
    own_type(engine, "holey", "case when id <> 3 then msisdn::bytea end", "case when id <> 5 then '{}'::bytea end")
    engine.start()
    job = engine.add_job("holey", dry_run=dry)
    engine.wait_status(job, "done")
    assert {("sent", None): 8, ("skip", "Message is empty"): 1} == engine.outcomes(job)
    assert [3] == [line.key for line in engine.log_lines(job) if not line.msg]
    assert 9 == len(engine.log_lines(job))


def test_a_message_that_closes_the_channel(database: str, tmp_path: Path) -> None:
    """Messages the broker will have none of are found one by one and noted as returned; all others go out."""
    broker = PrivateBroker(tmp_path / "rabbitmq")
    try:
        broker.start()
        broker.ctl(
            "eval", "persistent_term:put(max_message_size, 1000), application:set_env(rabbit, max_message_size, 1000)."
        )
        with Drain(broker.url) as drain, Engine(database, broker.url, "requests", tmp_path) as engine:
            drain.channel.queue_declare("requests", durable=True)
            engine.add_retries(200)
            engine.execute("alter table xmp_retries_expired alter column tid type text")
            engine.execute("update xmp_retries_expired set tid = repeat('x', 2000) where id in (70, 71)")
            engine.start(window=50)
            job = engine.add_job("expired")
            engine.wait_until("pgjobs.why(%s) like '%%closed the channel: 406%%'", job)
            engine.wait_status(job, "done", seconds=120)
            answers = {line.key: line.error for line in engine.log_lines(job) if line.error}
            assert {70, 71} == set(answers)
            assert "406" in str(answers[70])
            assert {*range(1, 70), *range(72, 201)} == {message.key for message in engine.drain()}
            assert 198 == engine.counters(job).sent
            assert {("sent", None): 198, ("skip", "Refused by the broker"): 2} == engine.outcomes(job)
            assert [*range(1, 201)] == [line.key for line in engine.log_lines(job)]
    finally:
        broker.discard()
