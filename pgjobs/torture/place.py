"""Where torture happens: servers, a database and a queue of its own, sample data, and a connection that comes back."""

from __future__ import annotations

import contextlib
import os
import secrets
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pika
import psycopg
from psycopg import sql

from pgjobs.lab import sample
from pgjobs.lab.roles import OPEN_TABLES, member_url
from pgjobs.lab.services import Services, running_services
from pgjobs.pg import migrate as migrations

PATIENCE = 60.0
OWN_SETTINGS = {
    "timezone": "UTC",
    "client_min_messages": "warning",
    "DateStyle": "ISO",
    "IntervalStyle": "postgres",
    "search_path": "public",
    "default_transaction_read_only": "off",
    "default_transaction_isolation": r"read\ committed",
    "standard_conforming_strings": "on",
    "statement_timeout": "0",
    "lock_timeout": "0",
    "idle_in_transaction_session_timeout": "0",
}
"""What is made on database or role is meant for the daemons."""
INJECTION_FILE = "torture.csv"
UNTRACKED = "left(type::text, 8) <> 'torture_'"
"""What the types of tracked jobs are not called."""


@dataclass
class Scale:
    """How large everything is; small windows put many boundaries between few records."""

    retries: int = 20_000
    lines: int = 3_000
    window: int = 50
    lease_seconds: float = 3.0
    places: int = 4


@dataclass
class Place:
    """Everything but the daemons."""

    services: Services
    database_url: str
    amqp_url: str
    queue: str
    folder: Path
    scale: Scale
    _connection: psycopg.Connection[Any] | None = field(default=None, repr=False)

    @property
    def daemon_url(self) -> str:
        """The database as the daemons reach it."""
        return member_url(self.database_url, "pgjobs_daemon")

    @property
    def private(self) -> bool:
        """Whether both servers are ours, to be killed as well."""
        return self.services.postgres is not None and self.services.broker is not None

    def environment(self, name: str, database_url: str, amqp_url: str, fault: str) -> dict[str, str]:
        """The settings of a daemon here; whatever PGJOBS_… says outside is about other ones."""
        clean = {key: value for key, value in os.environ.items() if not key.startswith("PGJOBS_")}
        own = {
            "database_url": database_url,
            "amqp_url": amqp_url,
            "log_dir": self.folder / "logs",
            "injections_dir": self.folder / "injections",
            "daemon_name": name,
            "metrics_bind": "127.0.0.1:0",
            "window": self.scale.window,
            "lease_seconds": self.scale.lease_seconds,
            "poll_seconds": 1,
            "probe_seconds": 3,
            "stall_seconds": 4,
            "segment_seconds": 1,
            "drain_seconds": 5,
            "max_running": self.scale.places,
            "fault": fault,
        }
        return clean | {f"PGJOBS_{key.upper()}": str(value) for key, value in own.items()}

    def rows(self, query: str, *args: object) -> list[tuple[Any, ...]]:
        """Ask the database; a server that is away is waited for."""
        deadline = time.monotonic() + PATIENCE
        while True:
            try:
                cursor = self.connection().execute(query.encode(), args)
                return cursor.fetchall() if cursor.description else []
            except psycopg.OperationalError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.1)

    def value(self, query: str, *args: object) -> Any:
        """The single value of a query."""
        found = self.rows(query, *args)
        return found[0][0] if found else None

    def connection(self) -> psycopg.Connection[Any]:
        """An own connection, made anew where it was lost."""
        if self._connection is None or self._connection.closed:
            self._connection = psycopg.connect(
                self.database_url,
                autocommit=True,
                connect_timeout=5,
                application_name="torture",
                options=" ".join(f"-c {name}={value}" for name, value in OWN_SETTINGS.items()),
            )
        return self._connection

    def close(self) -> None:
        """Give the connection back."""
        if self._connection is not None:
            self._connection.close()


@contextlib.contextmanager
def prepared(queue_type: str, scale: Scale, services: Services | None = None) -> Iterator[Place]:
    """Servers (given, named by the environment, or private ones), an own database and queue; all goes afterwards."""
    with contextlib.ExitStack() as stack:
        services = services or stack.enter_context(running_services())
        for server in (services.postgres, services.broker):
            if server is not None:
                server.start()
        token = secrets.token_hex(4)
        database_url = stack.enter_context(_database(services.database_url, f"pgjobs_torture_{token}"))
        queue = f"pgjobs-torture-{token}"
        stack.enter_context(queues_of(services, queue_type, queue))
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="pgjobs-torture-")))
        for part in ("logs", "injections"):
            (folder / part).mkdir()
        migrations.migrate(database_url)
        sample.load(database_url, scale.retries, 2 * scale.retries)
        sample.write_injection_file(folder / "injections" / INJECTION_FILE, scale.lines, scale.retries)
        place = Place(services, database_url, services.amqp_url, queue, folder, scale)
        stack.callback(place.close)
        place.rows(OPEN_TABLES)
        place.rows("update public.xmp_job_types set exchange = '', routing_key = %s", queue)
        yield place


@contextlib.contextmanager
def _database(url: str, name: str) -> Iterator[str]:
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(sql.SQL("create database {}").format(sql.Identifier(name)))
    try:
        yield urlsplit(url)._replace(path=f"/{name}").geturl()
    finally:
        with contextlib.suppress(psycopg.OperationalError), psycopg.connect(url, autocommit=True) as connection:
            connection.execute(sql.SQL("drop database if exists {} with (force)").format(sql.Identifier(name)))


@contextlib.contextmanager
def queues_of(services: Services, queue_type: str, *names: str) -> Iterator[None]:
    """Queues that outlive a kill of our own broker, and go afterwards."""
    parameters = pika.URLParameters(services.amqp_url)
    with contextlib.closing(pika.BlockingConnection(parameters)) as connection:
        channel = connection.channel()
        for name in names:
            channel.queue_declare(name, durable=True, arguments={"x-queue-type": queue_type})
    if services.broker is not None:
        services.broker.keep_declared()
    try:
        yield
    finally:
        with contextlib.suppress(pika.exceptions.AMQPError, OSError):
            connection = pika.BlockingConnection(parameters)
            channel = connection.channel()
            for name in names:
                channel.queue_delete(name)
            connection.close()
