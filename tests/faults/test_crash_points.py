"""T1: the daemon dies at every point there is, the first, second, some and the last time it passes; another one
takes over, and nothing is lost.

A case is four small jobs on a daemon of their own that is armed and dies; a daemon that was up all the time and starts
nothing by itself brings them to their end. Its leases do not run out by waiting: the database is told they have.
"""

import functools
import http.server
import signal
import threading
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from fix_broker import Drain
from fix_daemon import DaemonProcess, Engine
from fix_database import create_database, drop_database
from oracle import certify

from pgjobs.failpoints import CRASHES
from pgjobs.lab.services import Services

RECORDS, WINDOW, JOBS = 60, 7, 4
WINDOWS = 9
KEYS = range(1, RECORDS + 1)
FEW = WINDOW - 2


class Cms(http.server.ThreadingHTTPServer):
    """Somebody who wants to be told about ended jobs."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), functools.partial(_Ear))
        self.told: list[tuple[int, str]] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/told"


class _Ear(http.server.BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        query = parse_qs(urlsplit(self.path).query)
        assert isinstance(self.server, Cms)
        self.server.told.append((int(query["id"][0]), query["status"][0]))
        self.send_response(204)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Be quiet."""


class Ground:
    """The ground all cases of a worker stand on: one database, one queue, one daemon that survives them all."""

    def __init__(self, engine: Engine, cms: Cms) -> None:
        self.engine = engine
        self.cms = cms
        engine.add_retries(RECORDS)
        engine.stop_when_considered(0, 0)
        engine.add_file("lines.csv", b"".join(b"92300%07d\n" % i for i in KEYS))
        self.survivor = self.start(ready=True, autostart="false", max_running=JOBS)

    def start(self, *, ready: bool, **settings: Any) -> DaemonProcess:
        """A daemon whose leases do not run out by themselves while a case lasts."""
        return self.engine.start(
            ready=ready,
            window=WINDOW,
            lease_seconds=60,
            segment_seconds=0.000001,
            callback_url=self.cms.url,
            **settings,
        )

    def crash(self, point: str, count: int, jobs: list[int]) -> None:
        """Run a daemon into its death, which is to be by that fault and no other, and let its leases run out."""
        self.survivor.pause()
        daemon = self.start(ready=False, fault=f"{point}:{count}", max_running=1)
        assert -signal.SIGKILL == daemon.wait(), f"{point}:{count} was not reached\n{daemon.said[-3000:]}"
        self.engine.daemons.remove(daemon)
        self.engine.execute(
            "update pgjobs.shards set lease_until = clock_timestamp(), lease_check_at = '-infinity'"
            " where job_id = any(%s) and owner is not null",
            jobs,
        )

    def finish(self, jobs: list[int]) -> None:
        """Have the survivor bring the jobs to their end."""
        self.engine.execute("delete from public.stop_at")
        self.engine.execute("update xmp_jobs set status = 'ready' where id = any(%s) and status = 'canceled'", jobs)
        self.engine.execute("update xmp_jobs set start_asked = true where id = any(%s) and status = 'ready'", jobs)
        self.engine.execute(
            "update pgjobs.callbacks set due_at = pgjobs.now(), in_flight_until = null where closed_at is null"
        )
        self.survivor.go_on()
        self.engine.execute("select pg_notify('pgjobs', '{}')")
        for job in jobs:
            self.engine.wait_status(job, "done")
        self.engine.wait_until("not exists (select from pgjobs.callbacks where closed_at is null)")


@pytest.fixture(scope="module")
def ground(services: Services, template_database: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ground]:
    """One ground for all cases of a worker."""
    name = f"pgjobs_crash_{uuid.uuid4().hex[:12]}"
    queue = f"pgjobs-test-{uuid.uuid4().hex[:12]}"
    folder: Path = tmp_path_factory.mktemp("crash")
    cms = Cms()
    threading.Thread(target=cms.serve_forever, args=(0.01,), daemon=True).start()
    with Drain(services.amqp_url) as broker:
        broker.channel.queue_declare(queue, durable=True)
    try:
        url = create_database(services.database_url, name, template_database)
        with Engine(url, services.amqp_url, queue, folder) as engine:
            yield Ground(engine, cms)
    finally:
        cms.shutdown()
        cms.server_close()
        with Drain(services.amqp_url) as broker:
            broker.channel.queue_delete(queue)
        drop_database(services.database_url, name)


def add_jobs(engine: Engine) -> list[int]:
    """Jobs of type expired."""
    return [engine.add_job("expired") for _ in range(JOBS)]


def add_injections(engine: Engine) -> list[int]:
    """Jobs that read a file."""
    return [engine.add_job("injection", "lines.csv") for _ in range(JOBS)]


def in_shards(engine: Engine, jobs: list[int]) -> list[int]:
    """The same jobs, each to be cut into three."""
    engine.execute("update xmp_jobs set shards = 3 where id = any(%s)", jobs)
    return jobs


def add_expired_in_shards(engine: Engine) -> list[int]:
    """Jobs of type expired that are cut when they begin."""
    return in_shards(engine, add_jobs(engine))


def add_injections_in_shards(engine: Engine) -> list[int]:
    """Jobs that read a file once and cut it."""
    return in_shards(engine, add_injections(engine))


def add_stopped(engine: Engine) -> list[int]:
    """Jobs that are stopped half-way, one after the other."""
    jobs = add_jobs(engine)
    for job in jobs:
        engine.stop_when_considered(job, RECORDS // 2)
    return jobs


ONCE_A_JOB = (1, 2, 3, JOBS)
EVERY_WINDOW = (1, 2, WINDOWS + 4, JOBS * WINDOWS)
SHAPES: dict[str, tuple[Callable[[Engine], list[int]], tuple[int, ...]]] = {
    "after_claim": (add_jobs, ONCE_A_JOB),
    "after_load": (add_injections, ONCE_A_JOB),
    "after_measure": (add_expired_in_shards, ONCE_A_JOB),
    "after_prepare": (add_injections_in_shards, ONCE_A_JOB),
    "after_log_open": (add_jobs, ONCE_A_JOB),
    "after_open": (add_jobs, EVERY_WINDOW),
    "after_fetch": (add_injections, EVERY_WINDOW),
    "after_announce": (add_jobs, (1, 2, 5, JOBS * 2)),
    "after_publish": (add_jobs, EVERY_WINDOW),
    "after_confirm": (add_jobs, EVERY_WINDOW),
    "mid_log_write": (add_jobs, EVERY_WINDOW),
    "before_sync": (add_injections, EVERY_WINDOW),
    "after_sync": (add_jobs, EVERY_WINDOW),
    "after_checkpoint": (add_jobs, EVERY_WINDOW),
    "at_rotation": (add_jobs, (1, 2, 12, JOBS * (WINDOWS - 1))),
    "before_finish": (add_jobs, ONCE_A_JOB),
    "after_finish": (add_injections, ONCE_A_JOB),
    "before_release": (add_stopped, ONCE_A_JOB),
    "after_callback": (add_jobs, ONCE_A_JOB),
}
SMALL = (
    "after_measure",
    "after_prepare",
    "after_log_open",
    "after_open",
    "after_fetch",
    "after_publish",
    "after_confirm",
    "mid_log_write",
    "before_sync",
    "after_sync",
    "before_finish",
    "after_checkpoint",
    "after_finish",
)
"""What a job passes that may send no more than one window: it is announced at once, and its checkpoint is its end."""
CASES = [(point, count) for point, (_, counts) in SHAPES.items() for count in counts]


def test_every_point_has_its_shape() -> None:
    """No crash point is left out."""
    assert set(CRASHES) == set(SHAPES)
    assert 4 * len(CRASHES) == len(set(CASES))


@pytest.mark.parametrize(("point", "count"), CASES)
def test_death_at(ground: Ground, point: str, count: int) -> None:
    """A daemon killed at this point loses nothing: whole logs, known duplicates only, the CMS told of each job."""
    engine = ground.engine
    jobs = SHAPES[point][0](engine)
    ground.crash(point, count, jobs)
    ground.finish(jobs)
    certificate = certify(engine, dict.fromkeys(jobs, KEYS), faults=1, window=WINDOW)
    assert (JOBS * RECORDS, JOBS * RECORDS, 0) == (certificate.records, certificate.sent, certificate.lost)
    assert ground.survivor.running
    told = [job for job, status in ground.cms.told if status == "done"]
    assert set(jobs) <= set(told)
    if point == "after_callback":
        assert len(jobs) < len([job for job in told if job in jobs])


@pytest.mark.parametrize("point", SMALL)
def test_death_of_a_small_job_at(ground: Ground, point: str) -> None:
    """A daemon killed while it runs a job of one window loses nothing of it, and nothing of the others."""
    engine = ground.engine
    jobs = [engine.add_job("expired", count=FEW) for _ in range(JOBS)]
    ground.crash(point, 2, jobs)
    ground.finish(jobs)
    certificate = certify(engine, dict.fromkeys(jobs, range(1, FEW + 1)), faults=1, window=WINDOW)
    assert (JOBS * FEW, JOBS * FEW, 0) == (certificate.records, certificate.sent, certificate.lost)
