"""The laboratory: a database and queues of the benchmark's own on the servers at hand, and a folder for files."""

from __future__ import annotations

import contextlib
import secrets
import shutil
import socket
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pika
import psutil
import psycopg
from psycopg import sql
from psycopg.rows import TupleRow

from pgjobs.bench.book import Book
from pgjobs.bench.scale import Scale
from pgjobs.bench.statements import statement
from pgjobs.lab import sample
from pgjobs.lab.services import Services
from pgjobs.pg.migrate import migrate

QUEUE_TYPES = ("classic", "quorum")
Say = Callable[[str], None]


@dataclass
class Lab:
    """Everything a measurement works with."""

    scale: Scale
    database_url: str
    amqp_url: str
    folder: Path
    connection: psycopg.Connection[TupleRow]
    trees: dict[str, int | None]
    psql: str | None
    say: Say
    mark: str
    book: Book = field(default_factory=Book)
    queues: set[str] = field(default_factory=set)

    @property
    def logs(self) -> Path:
        """Where the daemon writes the jobs' logs."""
        return self.folder / "logs"

    @property
    def injections(self) -> Path:
        """Where files of injection jobs lie."""
        return self.folder / "injections"

    @contextlib.contextmanager
    def channel(self) -> Iterator[Any]:
        """A channel for a moment: measurements are long, and an idle connection is lost."""
        connection = pika.BlockingConnection(pika.URLParameters(self.amqp_url))
        try:
            yield connection.channel()
        finally:
            with contextlib.suppress(pika.exceptions.AMQPError):
                connection.close()

    def queue(self, name: str, kind: str = "classic", **arguments: object) -> str:
        """A fresh, empty, durable queue; whatever an earlier measurement left in it is gone."""
        queue = f"pgjobs-bench-{self.mark}-{name}"
        with self.channel() as channel:
            channel.queue_delete(queue)
            channel.queue_declare(queue, durable=True, arguments={"x-queue-type": kind, **arguments})
        self.queues.add(queue)
        return queue

    def depth(self, queue: str) -> int:
        """How many messages a queue holds."""
        with self.channel() as channel:
            return int(channel.queue_declare(queue, passive=True).method.message_count)

    def drop(self, queue: str) -> None:
        """Remove a queue with what it holds."""
        with self.channel() as channel:
            channel.queue_delete(queue)
        self.queues.discard(queue)

    def type_for(self, like: str, queue: str) -> str:
        """The name of a job type whose messages go to this queue."""
        name = f"{like} to {queue}"
        self.connection.execute(statement("add_type"), {"name": name, "like": like, "queue": queue})
        return name

    def range(self, first: float = 0.0, last: float = 1.0) -> dict[str, str]:
        """Params of the retries from one fraction of the table to another, as a range of dates."""
        bounds = self.connection.execute("select min(id), max(id) from public.xmp_retries_expired").fetchone()
        if bounds is None or bounds[0] is None:
            raise ValueError("the table of retries is empty")
        low, high = bounds
        moments = []
        for fraction in (first, last):
            key = low + round((high - low) * fraction)
            row = self.connection.execute(
                "select created_at + make_interval(secs => case when %s then 1 else 0 end)"
                " from public.xmp_retries_expired where id >= %s order by id limit 1",
                (fraction >= 1.0, key),
            ).fetchone()
            assert row is not None  # noqa: S101 the key lies between the smallest and the largest
            moments.append(row[0].isoformat())
        return {"date_from": moments[0], "date_to": moments[1]}

    def temp_bytes(self) -> int:
        """Bytes of temporary files the database has written so far."""
        row = self.connection.execute(
            "select temp_bytes from pg_stat_database where datname = current_database()"
        ).fetchone()
        return int(row[0]) if row else 0


@contextlib.contextmanager
def laboratory(services: Services, scale: Scale, say: Say) -> Iterator[Lab]:
    """Make the database and the folder, load the sample; remove all of it afterwards."""
    mark = secrets.token_hex(4)
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="pgjobs-bench-")))
        (folder / "logs").mkdir()
        (folder / "injections").mkdir()
        url = stack.enter_context(own_database(services.database_url, f"pgjobs_bench_{mark}"))
        migrate(url)
        say(f"loading {scale.records:,} retries and {2 * scale.records:,} transactions")
        sample.load(url, retries=scale.records, transactions=2 * scale.records)
        connection = stack.enter_context(psycopg.connect(url, autocommit=True, application_name="pgjobs bench"))
        connection.execute("set timezone = 'UTC'")
        lab = Lab(
            scale=scale,
            database_url=url,
            amqp_url=services.amqp_url,
            folder=folder,
            connection=connection,
            trees={"postgres": _postgres_pid(services, connection), "broker": _broker_pid(services)},
            psql=_psql(services),
            say=say,
            mark=mark,
        )
        stack.callback(_drop_queues, lab)
        yield lab


@contextlib.contextmanager
def own_database(url: str, name: str) -> Iterator[str]:
    """A database beside the one of the URL, dropped at the end."""
    identifier = sql.Identifier(name)
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(sql.SQL("create database {}").format(identifier))
    try:
        yield urlsplit(url)._replace(path=f"/{name}").geturl()
    finally:
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute(sql.SQL("drop database if exists {} with (force)").format(identifier))


def _drop_queues(lab: Lab) -> None:
    with contextlib.suppress(pika.exceptions.AMQPError):
        for queue in list(lab.queues):
            lab.drop(queue)


def _postgres_pid(services: Services, connection: psycopg.Connection[TupleRow]) -> int | None:
    """The postmaster, where the server runs on this machine."""
    if services.postgres is not None:
        return services.postgres.pid
    if not _is_here(urlsplit(services.database_url).hostname):
        return None
    with contextlib.suppress(psutil.Error):
        backend = psutil.Process(connection.info.backend_pid)
        if "postgres" in backend.name():
            return backend.ppid()
    return None


def _broker_pid(services: Services) -> int | None:
    """The broker, where it runs on this machine and its sockets can be seen."""
    if services.broker is not None:
        return services.broker.pid
    address = urlsplit(services.amqp_url)
    if not _is_here(address.hostname):
        return None
    with contextlib.suppress(psutil.Error):
        for socket_ in psutil.net_connections("tcp"):
            if socket_.status == psutil.CONN_LISTEN and socket_.laddr and socket_.laddr.port == (address.port or 5672):
                return socket_.pid
    return None


def _is_here(host: str | None) -> bool:
    """Whether an address is this machine's loopback."""
    with contextlib.suppress(OSError):
        return socket.gethostbyname(host or "localhost").startswith("127.")
    return False


def _psql(services: Services) -> str | None:
    """A psql to copy with: the distribution's, else the one beside the embedded server."""
    found = shutil.which("psql")
    if found is None and services.postgres is not None:
        from pgjobs.lab.postgres import embedded_bin_dir  # noqa: PLC0415 only where there is an embedded server

        candidate = embedded_bin_dir() / "psql"
        found = str(candidate) if candidate.exists() else None
    return found
