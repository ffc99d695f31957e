"""T10, T11: every call that can fail fails once, the first to the tenth time it is made; full disks; what the broker
refuses. The job recovers by itself, or breaks off with a sentence and goes on when it is resumed; nothing is lost.
PGJOBS_TEST_LONG=1 goes to the sixtieth time."""

import contextlib
import os
import subprocess
import uuid
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from fix_broker import Drain
from fix_daemon import Engine
from fix_database import create_database, drop_database
from oracle import certify

from pgjobs.failpoints import FAILURES, SHORT_WRITE
from pgjobs.lab.services import Services

WINDOW = 7
TIMES = 60 if os.environ.get("PGJOBS_TEST_LONG") else 10
RECORDS = WINDOW * (TIMES + 2)
KEYS = range(1, RECORDS + 1)
BREAKS_OFF = {"log_full": "No space left on device", "log_sync": "Input/output error"}
LEAVES_A_TRACE = {
    "sql": "a fault on purpose: the server closed the connection",
    "publish": "a fault on purpose: the connection broke while publishing",
}


# Daemons side by side share the server's hundred connections; one that runs ten jobs needs two for each of them.
BATCHES = [range(1, TIMES + 1)[first : first + 4] for first in range(0, TIMES, 4)]
PAIRS = [(count, TIMES + 1 - count) for count in range(1, TIMES // 2 + 1)]
CASES = [
    *((call, batch) for call in (*FAILURES, SHORT_WRITE) if call != "connect" for batch in BATCHES),
    *(("connect", pair) for pair in PAIRS),
]


@contextlib.contextmanager
def side_by_side(services: Services, template_database: str, folder: Path, number: int) -> Iterator[list[Engine]]:
    """Engines that have nothing to do with each other."""
    with contextlib.ExitStack() as stack:
        broker = stack.enter_context(Drain(services.amqp_url))
        made = []
        for each in range(number):
            name = f"pgjobs_fails_{uuid.uuid4().hex[:12]}"
            stack.callback(drop_database, services.database_url, name)
            url = create_database(services.database_url, name, template_database)
            broker.channel.queue_declare(name, durable=True)
            stack.callback(broker.channel.queue_delete, name)
            made.append(stack.enter_context(Engine(url, services.amqp_url, name, folder / str(each))))
        yield made


@pytest.mark.parametrize(("call", "counts"), CASES)
def test_the_nth_call_fails(
    services: Services, template_database: str, tmp_path: Path, call: str, counts: Sequence[int]
) -> None:
    """Whichever call of a kind fails, the job is done afterwards, by itself or resumed, with nothing lost."""
    with side_by_side(services, template_database, tmp_path, len(counts)) as engines:
        jobs = []
        for count, engine in zip(counts, engines, strict=True):
            engine.add_retries(RECORDS)
            # A job has a window for every time, but one connection: as many jobs as connections are to be made.
            jobs.append([engine.add_job("expired") for _ in range(count if call == "connect" else 1)])
            engine.start(ready=False, fault=f"{call}:{count}", window=WINDOW, lease_seconds=20)
        for engine, its in zip(engines, jobs, strict=True):
            if call in BREAKS_OFF:
                engine.wait_status(its[0], "error", 60)
                log = engine.value("select log_path from xmp_jobs")
                assert f"log {log}: {BREAKS_OFF[call]}" == engine.error_of(its[0])
                reason = engine.value("select reason from pgjobs.job_events where to_status = 'error'")
                assert f"log_io: log {log}: {BREAKS_OFF[call]}" == reason
                engine.set_status(its[0], "ready")
            for job in its:
                engine.wait_status(job, "done", 60)
            if call in LEAVES_A_TRACE:
                engine.daemons[0].wait_said(LEAVES_A_TRACE[call])
            certificate = certify(engine, dict.fromkeys(its, KEYS), faults=1, window=WINDOW)
            assert RECORDS * len(its) == certificate.sent


def test_the_file_size_limit_is_reached(engine: Engine) -> None:
    """A log that can't grow breaks the job off at once; with room again it goes on, and no line is half."""
    engine.add_retries(2000)
    job = engine.add_job("expired")
    limited = engine.start(under=["prlimit", "--fsize=65536"], window=50)
    engine.wait_status(job, "error")
    assert "File too large" in engine.error_of(job)
    assert 0 < engine.counters(job).considered < 2000
    limited.terminate()
    engine.start(window=50)
    engine.set_status(job, "ready")
    engine.wait_status(job, "done")
    certify(engine, {job: range(1, 2001)}, faults=1, window=50)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 64 KB; skips where nobody may mount one."""
    folder = tmp_path / "disk"
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=64k", "pgjobs-test", str(folder)]
    if os.geteuid() != 0 or subprocess.run(command, capture_output=True, check=False).returncode != 0:
        pytest.skip("only root may mount a small disk")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


def test_the_disk_is_full(engine: Engine, small_disk: Path) -> None:
    """A full disk breaks the job off with a sentence that names the log; with room again it goes on."""
    engine.add_retries(2000)
    engine.start(window=50, log_dir=small_disk)
    job = engine.add_job("expired")
    engine.wait_status(job, "error")
    assert f"log {small_disk}/job-{job}-" in engine.error_of(job)
    assert "No space left on device" in engine.error_of(job)
    subprocess.run(["mount", "-o", "remount,size=1m", str(small_disk)], check=True)
    engine.set_status(job, "ready")
    engine.wait_status(job, "done")
    certify(engine, {job: range(1, 2001)}, faults=1, window=50)


def test_nothing_is_bound(engine: Engine) -> None:
    """Messages the broker gives back are not sent: the job breaks off at once, and is whole when a queue is bound."""
    engine.add_retries(60)
    with Drain(engine.amqp_url) as broker:
        exchange = f"{engine.queue}-exchange"
        broker.channel.exchange_declare(exchange, exchange_type="topic")
        try:
            engine.set_route("charges", exchange)
            engine.start()
            job = engine.add_job("expired")
            engine.wait_status(job, "error")
            assert f"no queue is bound to exchange '{exchange}' with routing key 'charges'" in engine.error_of(job)
            assert 0 == engine.counters(job).considered
            broker.channel.queue_bind(engine.queue, exchange, "charges")
            engine.set_status(job, "ready")
            engine.wait_status(job, "done")
        finally:
            broker.channel.exchange_delete(exchange)
    certify(engine, {job: range(1, 61)}, faults=0)


def test_a_queue_that_is_full(engine: Engine) -> None:
    """Messages the broker refuses are not sent: they are published again until it takes them, once each."""
    engine.add_retries(30)
    full = f"{engine.queue}-full"
    with Drain(engine.amqp_url) as broker:
        broker.channel.queue_declare(full, arguments={"x-max-length": 10, "x-overflow": "reject-publish"})
        try:
            engine.set_route(full)
            engine.start()
            job = engine.add_job("expired")
            engine.wait_until("exists (select from pgjobs.shards where note like '%%nack%%')")
            assert "in progress" == engine.value("select status from xmp_jobs")
            assert engine.counters(job).sent <= 10
            taken: list[str] = []
            engine.wait_for(lambda: _emptied(broker, full, taken) == 30, "all thirty have come")
            engine.wait_status(job, "done")
        finally:
            broker.channel.queue_delete(full)
    assert sorted(f"{job}-{key}" for key in range(1, 31)) == sorted(taken)
    assert [line.key for line in engine.log_lines(job)] == list(range(1, 31))


def _emptied(broker: Drain, queue: str, taken: list[str]) -> int:
    """Make room; how many have been taken so far."""
    taken += [str(properties.message_id) for properties, _ in broker.read(queue)]
    return len(taken)
