"""Real private servers for the demo, the tests and the benchmark: one PostgreSQL, one RabbitMQ.

Where ``PGJOBS_DATABASE_URL`` or ``PGJOBS_AMQP_URL`` is set, that server is used and none is started.
"""

import contextlib
import fcntl
import os
import shutil
import signal
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import FrameType

from pgjobs.lab.postgres import EmbeddedPostgres
from pgjobs.lab.process import ServicesError
from pgjobs.lab.rabbitmq import PrivateBroker

_PREFIX = "pgjobs-services-"


@dataclass(frozen=True)
class Services:
    """Where the two servers are; `postgres` and `broker` are None where somebody else's are used."""

    database_url: str
    amqp_url: str
    postgres: EmbeddedPostgres | None
    broker: PrivateBroker | None


@contextlib.contextmanager
def running_services(root: Path | None = None, *, fsync: bool = True) -> Iterator[Services]:
    """Start what the environment does not name, in parallel; end it and remove its files afterwards.

    The folders of the servers lie under `root` (default: the system's folder for temporary files).
    """
    database_url = os.environ.get("PGJOBS_DATABASE_URL")
    amqp_url = os.environ.get("PGJOBS_AMQP_URL")
    if database_url and not database_url.strip().startswith(("postgresql://", "postgres://")):
        raise ServicesError("PGJOBS_DATABASE_URL: to make databases of our own, it has to begin with postgresql://")
    with contextlib.ExitStack() as stack:
        stack.enter_context(_terminated_as_exception())
        if database_url and amqp_url:
            yield Services(database_url, amqp_url, None, None)
            return
        folder = stack.enter_context(_folder(root))
        postgres = None if database_url else EmbeddedPostgres(folder / "postgres", fsync=fsync)
        broker = None if amqp_url else PrivateBroker(folder / "rabbitmq")
        if broker:
            stack.callback(broker.discard)
            broker.launch()  # boots while PostgreSQL makes its data directory
        if postgres:
            stack.callback(postgres.stop, "immediate")
            postgres.start()
        if broker:
            broker.wait_ready()
        yield Services(
            postgres.url if postgres else str(database_url),
            broker.url if broker else str(amqp_url),
            postgres,
            broker,
        )


def serve_forever() -> None:
    """Run both servers in the foreground; print their addresses as two export lines; stop on a signal."""
    with contextlib.suppress(KeyboardInterrupt, _Terminated), running_services() as services:
        # Of a superuser nobody would learn which rights are needed.
        database_url = services.postgres.owner_url() if services.postgres else services.database_url
        print(f"export PGJOBS_DATABASE_URL={database_url}")
        print(f"export PGJOBS_AMQP_URL={services.amqp_url}", flush=True)
        print("running; Ctrl-C stops both servers and removes their data", file=sys.stderr)
        while True:
            for name, server in (("PostgreSQL", services.postgres), ("RabbitMQ", services.broker)):
                if server is not None and not server.running:
                    raise ServicesError(f"the private {name} ended by itself")
            time.sleep(1)  # a signal ends the wait at once


class _Terminated(SystemExit):
    """SIGTERM, so that the servers are ended like on Ctrl-C."""


@contextlib.contextmanager
def _terminated_as_exception() -> Iterator[None]:
    in_main_thread = threading.current_thread() is threading.main_thread()
    if not in_main_thread or signal.getsignal(signal.SIGTERM) is not signal.SIG_DFL:
        yield  # someone else decides what SIGTERM does
        return

    def terminate(_signal: int, _frame: FrameType | None) -> None:
        raise _Terminated(128 + signal.SIGTERM)

    signal.signal(signal.SIGTERM, terminate)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)


@contextlib.contextmanager
def _folder(root: Path | None) -> Iterator[Path]:
    """A folder that is removed afterwards: by us, or by the next one who comes if we were killed."""
    parent = root or Path(tempfile.gettempdir())
    _remove_orphans(parent)
    folder = Path(tempfile.mkdtemp(prefix=_PREFIX, dir=parent))
    folder.chmod(0o711)  # the server's user passes through; nobody else can list it
    # Locked before it gets its name: a lock without an owner always means that the owner is dead.
    with (folder / "lock.new").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        (folder / "lock.new").rename(folder / "lock")
        try:
            yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)


def _remove_orphans(parent: Path) -> None:
    for folder in parent.glob(f"{_PREFIX}*"):
        with contextlib.suppress(OSError), (folder / "lock").open("r+") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            shutil.rmtree(folder, ignore_errors=True)
