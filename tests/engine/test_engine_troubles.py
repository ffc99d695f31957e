"""Something a job needs is missing: it breaks off with a sentence, is mended, and goes on; servers may go away."""

import gzip
import os
import socket
import tempfile
import time
import uuid
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import pika
import pytest
from fix_broker import Drain
from fix_daemon import DaemonProcess, Engine, unmarked_copies

from pgjobs.lab.postgres import EmbeddedPostgres
from pgjobs.lab.rabbitmq import PrivateBroker
from pgjobs.lab.services import Services
from pgjobs.pg.migrate import migrate

GOOD_FILE = b"923000000001\n923000000002\n"
PLAIN_RIGHTS = ("setpriv", "--bounding-set", "-dac_override,-dac_read_search", "--")


def check_complete(engine: Engine, job: int, number: int) -> None:
    """All records of an expired job were sent and logged, once and unmarked."""
    messages = engine.drain()
    assert list(range(1, number + 1)) == [message.key for message in messages]
    assert not [message for message in messages if message.marked]
    assert list(range(1, number + 1)) == [line.key for line in engine.log_lines(job)]
    assert (number, number, 0, 0) == tuple(vars(engine.counters(job)).values())


def check_recovered(engine: Engine, job: int, number: int) -> None:
    """All records were sent and logged once; what was uncertain may have been sent twice."""
    messages = engine.drain()
    uncertain = engine.uncertain(job)
    copies = Counter(message.key for message in messages)
    assert set(range(1, number + 1)) == set(copies)
    assert [key for key, n in copies.items() if n > 1 and not uncertain(key)] == []
    assert [message.key for message in messages if message.marked and not uncertain(message.key)] == []
    assert unmarked_copies(messages) == []
    assert list(range(1, number + 1)) == [line.key for line in engine.log_lines(job)]
    assert (number, number, 0, 0) == tuple(vars(engine.counters(job)).values())


def make_link(path: Path) -> None:
    """A symbolic link that leads out of the directory."""
    outside = path.parent.parent / "outside.csv"
    outside.write_bytes(GOOD_FILE)
    path.symlink_to(outside)


def make_second_name(path: Path) -> None:
    """A hard link to a file outside of the directory."""
    outside = path.parent.parent / "outside.csv"
    outside.write_bytes(GOOD_FILE)
    path.hardlink_to(outside)


MAKERS: dict[str, tuple[Callable[[Path], object], str]] = {
    "missing": (lambda _path: None, "No such file or directory"),
    "empty": (Path.touch, "is empty"),
    "directory": (Path.mkdir, "is not a regular file"),
    "symlink": (make_link, "symbolic link"),
    "second name": (make_second_name, "has another name elsewhere"),
    "fifo": (os.mkfifo, "is not a regular file"),
    "spreadsheet": (
        lambda path: path.write_bytes(b"PK\x03\x04" + bytes(99)),
        "it looks like a ZIP",
    ),
    "bomb": (
        lambda path: path.write_bytes(gzip.compress(b"\n" * 3_000_000)),
        "more than 100 times its size",
    ),
    "broken gzip": (lambda path: path.write_bytes(b"\x1f\x8b\x08\x00 not really"), "can't be read to its end"),
}


@pytest.mark.parametrize("kind", MAKERS)
@pytest.mark.usefixtures("daemon")
def test_unusable_file(engine: Engine, kind: str) -> None:
    """A file that can't be used ends the job with a sentence that names it; mended and resumed it runs."""
    make, sentence = MAKERS[kind]
    path = engine.injections_dir / "in.csv"
    make(path)
    job = engine.add_job("injection", "in.csv")
    engine.wait_status(job, "error")
    error = engine.error_of(job)
    assert "file_name: 'in.csv'" in error
    assert sentence in error
    assert [] == engine.drain()
    if path.is_dir():
        path.rmdir()
    else:
        path.unlink(missing_ok=True)
    path.write_bytes(GOOD_FILE)
    engine.set_status(job, "ready")
    engine.wait_status(job, "done")
    check_complete(engine, job, 2)


def test_file_too_large(engine: Engine) -> None:
    """A file beyond the limit ends the job before anything is sent, also when it is only large unpacked."""
    engine.start(injection_max_bytes=1000)
    engine.add_file("large.csv", b"923000000001\n" * 100)
    job = engine.add_job("injection", "large.csv")
    engine.wait_status(job, "error")
    assert "more than 1000 bytes" in engine.error_of(job)
    assert [] == engine.drain()


def test_a_young_file(engine: Engine) -> None:
    """A job whose file is still being written waits and says so, whatever time the file claims, and goes on by itself
    once it is left alone."""
    engine.start(injection_settle_seconds=1)
    path = engine.injections_dir / "young.csv"
    then = time.time() - 3600

    def write_and_ask() -> bool:
        path.write_bytes(GOOD_FILE)
        os.utime(path, (then, then))
        return "'young.csv'" in (why := str(engine.value("select pgjobs.why(%s)", job))) and "just been written" in why

    engine.add_file("young.csv", GOOD_FILE)
    os.utime(path, (then, then))
    job = engine.add_job("injection", "young.csv")
    engine.wait_for(write_and_ask, "the job waits for its file")
    assert "in progress" == engine.value("select status from xmp_jobs where id = %s", job)
    assert [] == engine.drain()
    engine.wait_status(job, "done")
    check_complete(engine, job, 2)


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
def test_a_cut_last_line(engine: Engine) -> None:
    """A last line without line end is skipped as such, for its number may be cut; or sent, as the type says."""
    engine.add_file("cut.csv", b"923000000001\n923000000")
    outcomes = []
    for skip in (True, False):
        engine.execute("update xmp_job_types set skip_unended_line = %s where name = 'injection'", skip)
        job = engine.add_job("injection", "cut.csv")
        engine.wait_status(job, "done")
        outcomes.append([(line.msg, line.action, line.error) for line in engine.log_lines(job)])
    first = (b"923000000001", "sent", None)
    assert [first, (b"923000000", "skip", "Incomplete last line")] == outcomes[0]
    assert [first, (b"923000000", "sent", None)] == outcomes[1]
    assert ["923000000001", "923000000001", "923000000"] == [message.event["msisdn"] for message in engine.drain()]
    told = "the last line of file_name 'cut.csv' has no line end"
    engine.daemons[0].wait_said(told, times=2)
    assert 2 == engine.daemons[0].said.count(told)


@pytest.mark.usefixtures("daemon")
def test_a_list_from_a_spreadsheet(engine: Engine) -> None:
    """A list that was saved as Unicode text is sent, and its lines are in the log in UTF-8."""
    engine.add_file("wide.csv", "\ufeff923000000001\tимя\r\n923000000002\t\r\n".encode("utf-16-le"))
    job = engine.add_job("injection", "wide.csv")
    engine.wait_status(job, "done")
    check_complete(engine, job, 2)
    assert ["923000000001\tимя".encode(), b"923000000002\t"] == [line.msg for line in engine.log_lines(job)]


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
            broker.start()
            engine.wait_considered(job, 500, seconds=60)
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
            engine.wait_status(job, "canceled", seconds=10)
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
    # Not tmp_path: the unprivileged user that PostgreSQL runs as under root can't enter it.
    with tempfile.TemporaryDirectory(prefix="pgjobs-test-") as folder:
        Path(folder).chmod(0o711)
        server = EmbeddedPostgres(Path(folder) / "postgres", fsync=False)
        try:
            server.start()
            yield server
        finally:
            server.stop("immediate")


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
