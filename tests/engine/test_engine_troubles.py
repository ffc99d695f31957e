"""Something a job needs is missing: it breaks off with a sentence, is mended, and goes on; servers may go away."""

import os
import socket
import uuid
from collections.abc import Iterator
from pathlib import Path

import pika
import pytest
from fix_broker import Drain
from fix_complete import check_complete, check_recovered
from fix_daemon import DaemonProcess, Engine
from fix_services import private_postgres

from pgjobs.lab.postgres import EmbeddedPostgres
from pgjobs.lab.rabbitmq import PrivateBroker
from pgjobs.lab.services import Services
from pgjobs.pg.migrate import migrate

PLAIN_RIGHTS = ("setpriv", "--bounding-set", "-dac_override,-dac_read_search", "--")


@pytest.mark.parametrize("end", ["update xmp_jobs set status = 'canceled'", "update xmp_jobs set active = false"])
def test_a_broker_that_accepts_and_says_nothing(engine: Engine, end: str) -> None:
    """A broker that takes the connection and stays mute is what `why` tells within seconds; a stop and a pause are
    obeyed at once."""
    with socket.create_server(("127.0.0.1", 0)) as mute:
        engine.add_retries(1)
        engine.start(amqp_url=f"amqp://guest:guest@127.0.0.1:{mute.getsockname()[1]}/", lease_seconds=600)
        job = engine.add_job("expired")
        engine.wait_for(
            lambda: bool(engine.value("select owner from pgjobs.shards where job_id = %s", job)), "it is claimed"
        )
        engine.wait_until("pgjobs.why(%s) is not null", job)
        assert "it waits for the broker, which does not answer the connection" == engine.value(
            "select pgjobs.why(%s)", job
        )
        engine.execute(end)
        engine.wait_until("owner is null from pgjobs.shards where job_id = %s", job, seconds=15)


@pytest.mark.usefixtures("daemon")
def test_missing_queue(engine: Engine, drain: Drain) -> None:
    """A queue that does not exist ends the job at once; declared and resumed it runs."""
    engine.add_retries(30)
    name = f"pgjobs-test-{uuid.uuid4().hex[:12]}"
    engine.set_route(name)
    job = engine.add_job("expired")
    engine.wait_status(job, "error")
    assert f"queue '{name}'" in engine.error_of(job)
    assert "404" in engine.error_of(job)
    assert [] == engine.log_lines(job)
    drain.channel.queue_declare(name, durable=True)
    try:
        engine.queue = name
        engine.set_status(job, "ready")
        engine.wait_status(job, "done")
        check_complete(engine, job, 30)
    finally:
        drain.channel.queue_delete(name)


@pytest.fixture
def exchange(drain: Drain) -> Iterator[str]:
    """A direct exchange without bindings."""
    name = f"pgjobs-test-{uuid.uuid4().hex[:12]}"
    drain.channel.exchange_declare(name, "direct", durable=True)
    yield name
    drain.channel.exchange_delete(name)


@pytest.mark.usefixtures("daemon")
def test_missing_exchange(engine: Engine) -> None:
    """An exchange that does not exist ends the job with a sentence that names it."""
    engine.add_retries(30)
    engine.set_route("key", "pgjobs-no-such-exchange")
    job = engine.add_job("expired")
    engine.wait_status(job, "error")
    assert "exchange 'pgjobs-no-such-exchange'" in engine.error_of(job)
    assert "404" in engine.error_of(job)
    engine.set_route(engine.queue)
    engine.set_status(job, "ready")
    engine.wait_status(job, "done")
    check_complete(engine, job, 30)


@pytest.mark.usefixtures("daemon")
def test_nothing_bound(engine: Engine, drain: Drain, exchange: str) -> None:
    """An exchange that nothing is bound to ends the job, not every record of it; bound and resumed all arrive."""
    engine.add_retries(100)
    engine.set_route("key", exchange)
    job = engine.add_job("expired")
    engine.wait_status(job, "error")
    assert f"no queue is bound to exchange '{exchange}' with routing key 'key'" in engine.error_of(job)
    assert "312" in engine.error_of(job)
    drain.channel.queue_bind(engine.queue, exchange, "key")
    engine.set_status(job, "ready")
    engine.wait_status(job, "done")
    check_complete(engine, job, 100)


@pytest.mark.usefixtures("daemon")
def test_unbound_in_mid_job(engine: Engine, drain: Drain, exchange: str) -> None:
    """A binding that disappears in mid-job: what came back is logged as such or sent after the resume."""
    engine.add_retries(3000)
    drain.channel.queue_bind(engine.queue, exchange, "key")
    engine.set_route("key", exchange)
    with engine.slowed():
        job = engine.add_job("expired")
        engine.wait_considered(job, 200)
        drain.channel.queue_unbind(engine.queue, exchange, "key")
        engine.wait_status(job, "error")
    assert "no queue is bound" in engine.error_of(job)
    drain.channel.queue_bind(engine.queue, exchange, "key")
    engine.set_status(job, "ready")
    engine.wait_status(job, "done")
    lines = engine.log_lines(job)
    assert list(range(1, 3001)) == [line.key for line in lines]
    sent = [line.key for line in lines if line.action == "sent"]
    refused = [line.error for line in lines if line.action == "skip"]
    assert all(error and error.startswith("Returned by the broker: 312") for error in refused)
    assert len(refused) <= 2 * 7
    messages = engine.drain()
    assert set(sent) == {message.key for message in messages}
    assert all(engine.uncertain(job)(m.key) for m in messages if m.marked)
    counters = engine.counters(job)
    assert (3000, len(sent), len(refused)) == (counters.considered, counters.sent, counters.returned)


@pytest.mark.usefixtures("daemon")
def test_deleted_queue_in_mid_job(engine: Engine, drain: Drain) -> None:
    """A queue deleted in mid-job ends the job with error; other jobs are not disturbed."""
    other = f"pgjobs-test-{uuid.uuid4().hex[:12]}"
    drain.channel.queue_declare(other, durable=True)
    engine.add_retries(3000)
    engine.set_route(other)
    with engine.slowed():
        job = engine.add_job("expired")
        engine.wait_considered(job, 100)
        drain.channel.queue_delete(other)
        engine.wait_status(job, "error")
    assert other in engine.error_of(job)
    engine.set_route(engine.queue)
    following = engine.add_job("expired", count=10)
    engine.wait_status(following, "done")
    check_complete(engine, following, 10)


def test_missing_log_directory(engine: Engine) -> None:
    """Without its log directory a job sends nothing and says so; made and resumed it runs."""
    engine.add_retries(30)
    folder = engine.folder / "gone soon"
    folder.mkdir()
    engine.start(log_dir=folder)
    folder.rmdir()
    job = engine.add_job("expired")
    engine.wait_status(job, "error")
    assert str(folder) in engine.error_of(job)
    assert "No such file or directory" in engine.error_of(job)
    assert [] == engine.drain()
    folder.mkdir()
    engine.set_status(job, "ready")
    engine.wait_status(job, "done")
    check_complete(engine, job, 30)


def test_a_job_follows_the_log_directory(engine: Engine) -> None:
    """A job that broke off before its first line writes to where the log directory is afterwards."""
    engine.add_retries(5)
    wrong = engine.folder / "wrong"
    wrong.mkdir()
    first = engine.start(log_dir=wrong)
    wrong.rmdir()
    job = engine.add_job("expired")
    engine.wait_status(job, "error")
    first.terminate()
    engine.start()
    engine.set_status(job, "ready")
    engine.wait_status(job, "done")
    check_complete(engine, job, 5)
    assert engine.log_dir == Path(engine.value("select log_path from xmp_jobs where id = %s", job)).parent


def test_read_only_log_directory(engine: Engine) -> None:
    """A log directory that can't be written to ends the job before anything is sent; mended it runs."""
    engine.add_retries(30)
    engine.start(under=PLAIN_RIGHTS if os.geteuid() == 0 else ())
    engine.log_dir.chmod(0o555)
    job = engine.add_job("expired")
    engine.wait_status(job, "error")
    assert "Permission denied" in engine.error_of(job)
    assert [] == engine.drain()
    engine.log_dir.chmod(0o755)
    engine.set_status(job, "ready")
    engine.wait_status(job, "done")
    check_complete(engine, job, 30)


def test_full_log(engine: Engine) -> None:
    """A log that can't grow ends the job in mid-line; with room again it goes on without a gap or a scrap."""
    engine.add_retries(1000)
    limited = engine.start(under=("prlimit", "--fsize=30000", "--"))
    job = engine.add_job("expired")
    engine.wait_status(job, "error")
    assert "File too large" in engine.error_of(job)
    assert 100 < len(engine.log_lines(job)) < 1000
    assert limited.running
    limited.terminate()
    engine.start()
    engine.set_status(job, "ready")
    engine.wait_status(job, "done")
    check_recovered(engine, job, 1000)


def test_lost_log(engine: Engine, daemon: DaemonProcess) -> None:
    """A log that was taken away while the job was stopped goes on in a further segment, which the job names."""
    engine.add_retries(60)
    job = engine.add_stopping_job(20)
    engine.wait_status(job, "canceled")
    before = engine.log_lines(job)
    (segment,) = engine.rows("select path from pgjobs.log_segments where job_id = %s", job)
    Path(segment["path"]).rename(kept := engine.folder / "kept.log")
    engine.set_status(job, "ready")
    engine.wait_status(job, "done")
    kept.rename(segment["path"])
    paths = [row["path"] for row in engine.rows("select path from pgjobs.log_segments order by segment")]
    assert 2 == len(set(paths))
    assert engine.value("select log_path from xmp_jobs where id = %s", job) == paths[1]
    assert before == engine.log_lines(job)[: len(before)]
    check_complete(engine, job, 60)
    assert daemon.running


def test_broker_away_at_start_and_in_mid_job(database: str, tmp_path: Path) -> None:
    """The broker is away when the job is due, comes, dies in mid-job, comes again: nothing is lost."""
    broker = PrivateBroker(tmp_path / "rabbitmq")
    queue = "requests"
    with Engine(database, broker.url, queue, tmp_path) as engine:
        try:
            broker.start()
            declare(broker.url, queue)
            broker.stop()
            engine.add_retries(4000)
            daemon = engine.start(window=50)
            job = engine.add_job("expired")
            engine.wait_until("exists (select from pgjobs.shards where job_id = %s and failures > 0)", job)
            assert "broker unreachable" in engine.value("select pgjobs.why(%s)", job)
            assert "in progress" == engine.value("select status from xmp_jobs where id = %s", job)
            with engine.slowed(0.05):
                broker.start()
                engine.wait_considered(job, 500)
                broker.kill()
                assert engine.counters(job).considered < 4000
                engine.wait_until("exists (select from pgjobs.shards where job_id = %s and failures > 0)", job)
            broker.start()
            engine.wait_status(job, "done", seconds=60)
            check_recovered(engine, job, 4000)
            assert daemon.running
        finally:
            broker.discard()


def declare(amqp_url: str, queue: str) -> None:
    """Declare a durable queue."""
    connection = pika.BlockingConnection(pika.URLParameters(amqp_url))
    connection.channel().queue_declare(queue, durable=True)
    connection.close()


def test_broker_alarm(database: str, tmp_path: Path) -> None:
    """A broker alarm is a state: the job says so, keeps its lease, can be stopped, and goes on afterwards."""
    broker = PrivateBroker(tmp_path / "rabbitmq")
    try:
        broker.start()
        declare(broker.url, "requests")
        with Engine(database, broker.url, "requests", tmp_path) as engine:
            engine.add_retries(1000)
            engine.start(window=20)
            job = engine.add_stopping_job(100)
            engine.wait_status(job, "canceled")
            broker.ctl("set_vm_memory_high_watermark", "0.00001")
            engine.set_status(job, "ready")
            engine.wait_until("coalesce(pgjobs.why(%s) like 'the broker is blocked%%', false)", job)
            engine.set_status(job, "canceled")
            engine.wait_status(job, "canceled")
            engine.set_status(job, "ready")
            broker.ctl("set_vm_memory_high_watermark", "0.4")
            engine.wait_status(job, "done", seconds=60)
            check_recovered(engine, job, 1000)
    finally:
        broker.discard()


def test_nacks(engine: Engine, drain: Drain) -> None:
    """What a full queue refuses is published again until there is room; every record is sent and logged once."""
    engine.add_retries(40)
    full = f"pgjobs-test-{uuid.uuid4().hex[:12]}"
    limits = {"x-max-length": 15, "x-overflow": "reject-publish"}
    drain.channel.queue_declare(full, durable=True, arguments=limits)
    try:
        engine.set_route(full)
        engine.start()
        job = engine.add_job("expired")
        taken: list[int] = []

        def is_done() -> bool:
            taken.extend(message.key for message in engine.drain(full))
            return bool(engine.value("select status = 'done' from xmp_jobs where id = %s", job))

        engine.wait_until("pgjobs.why(%s) like '%%(nack)%%'", job)
        engine.wait_for(is_done, "the job is done", seconds=60)
        is_done()
        assert list(range(1, 41)) == sorted(taken)
        assert list(range(1, 41)) == [line.key for line in engine.log_lines(job)]
        assert 40 == engine.counters(job).sent
    finally:
        drain.channel.queue_delete(full)


@pytest.fixture
def own_postgres() -> Iterator[EmbeddedPostgres]:
    """A server that the test may take away."""
    with private_postgres() as server:
        yield server


def test_database_restarted(own_postgres: EmbeddedPostgres, services: Services, queue: str, tmp_path: Path) -> None:
    """The database crashes in mid-job, and is away when a daemon starts: the job goes on without a person."""
    migrate(own_postgres.url)
    with Engine(own_postgres.url, services.amqp_url, queue, tmp_path) as engine:
        engine.add_retries(4000)
        daemon = engine.start(window=20)
        job = engine.add_job("expired")
        engine.wait_considered(job, 300)
        own_postgres.stop("immediate")
        late = engine.start(window=20, ready=False)
        late.wait_said("the database is away")
        own_postgres.start()
        engine.reconnect()
        engine.wait_status(job, "done", seconds=60)
        late.wait_said(" is up as ")
        assert daemon.running
        check_recovered(engine, job, 4000)
        following = engine.add_job("expired", count=5)
        engine.wait_status(following, "done")


@pytest.mark.usefixtures("daemon")
def test_killed_connections(engine: Engine) -> None:
    """Every connection of the daemon is ended by the server, again and again: the job goes on."""
    engine.add_retries(3000)
    job = engine.add_job("expired")
    for number in (200, 600, 1000):
        engine.wait_considered(job, number)
        engine.execute(
            "select pg_terminate_backend(pid) from pg_stat_activity"
            " where datname = current_database() and application_name like 'pgjobs %%'"
        )
    engine.wait_status(job, "done", seconds=60)
    check_recovered(engine, job, 3000)


def test_selector_that_fails(engine: Engine, daemon: DaemonProcess) -> None:
    """A selection that the database refuses ends its job with the database's words; the daemon lives."""
    engine.add_retries(10)
    engine.execute("alter table xmp_retries_expired rename column id to id2")
    job = engine.add_job("expired")
    engine.wait_status(job, "error")
    assert "id does not exist" in engine.error_of(job)
    engine.execute("alter table xmp_retries_expired rename column id2 to id")
    engine.set_status(job, "ready")
    engine.wait_status(job, "done")
    check_complete(engine, job, 10)
    assert daemon.running
