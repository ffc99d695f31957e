"""The stage of the demo: servers, a database of its own with the sample, two queues, one daemon, one web process.

Where somebody else's servers are used, the database and the queues are new ones and are removed afterwards; a queue
that is there already is never written to, for its consumer might charge people.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import signal
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import psycopg
from psycopg import sql

from pgjobs.demo.queues import declared, installed_registry, place
from pgjobs.lab import sample
from pgjobs.lab.process import Child, ServicesError, free_port
from pgjobs.lab.roles import member_url
from pgjobs.lab.services import Services, running_services
from pgjobs.pg import migrate as migrations
from pgjobs.pg import schema

JOBS_QUEUE, SUSPENDED_QUEUE = "mobilink_requests", "mobilink_mo_tarifficate"
UNITS_QUEUE, REPLY_QUEUE = "demo_units", "demo_replies"
PARTNER_QUEUE, DEVICES_QUEUE, MAILINGS_QUEUE, MAILING_REPLIES = (
    "demo_rfq",
    "demo_devices",
    "mailings",
    "mailing_replies",
)
QUEUES = (
    *(JOBS_QUEUE, SUSPENDED_QUEUE, UNITS_QUEUE, REPLY_QUEUE),
    *(PARTNER_QUEUE, DEVICES_QUEUE, MAILINGS_QUEUE, MAILING_REPLIES),
)
INJECTION_FILE, INJECTION_LINES = "20170131_vip.csv", 20_000
FULL_SIZE, FULL_WINDOW, SMALL_WINDOW = 200_000, 2000, 100
"""In a small sample a job with windows of the usual size would be over before anybody could stop it."""

Tell = Callable[[str, float], None]
"""Told what has just been done, and how many seconds it took."""


@dataclass(frozen=True)
class Stage:
    """Everything the demo plays with."""

    database_url: str
    """As the owner of the tables: the CMS, and whoever looks into the database."""
    daemon_url: str
    amqp_url: str
    http_url: str
    folder: Path
    private: bool
    """Whether both servers are ours."""
    children: tuple[Child, ...]

    def check(self) -> None:
        """Raise when a process has ended by itself."""
        for child in self.children:
            if not child.running:
                log = child.log.read_text(errors="replace")[-2000:]
                raise ServicesError(f"the {child.log.stem} of the demo ended by itself:\n{log}")


@contextlib.contextmanager
def running_stage(tell: Tell, retries: int) -> Iterator[Stage]:
    """Set everything up, say so step by step, and take everything down again."""
    with contextlib.ExitStack() as stack:
        step = Steps(tell)
        services = stack.enter_context(running_services())
        database_url = stack.enter_context(_database(services))
        stack.enter_context(declared(services, QUEUES))
        folder = stack.enter_context(_folder(services))
        with psycopg.connect(database_url) as connection:
            version = connection.info.parameter_status("server_version")
        step.done(f"PostgreSQL {version} at {place(database_url)}, RabbitMQ at {place(services.amqp_url)}")

        applied = migrations.migrate(database_url)
        step.done(
            f"migrated: {sum(line.startswith('migration ') for line in applied)} migrations, "
            f"{sum(1 for _ in schema.sql_files())} files of functions"
        )

        sample.load(database_url, retries, 2 * retries)
        sample.write_injection_file(folder / "injections" / INJECTION_FILE, INJECTION_LINES, retries)
        step.done(
            f"sample: {retries:,} expired retries, {2 * retries:,} transactions, an injection file of"
            f" {INJECTION_LINES:,} lines"
        )

        types, workers = stack.enter_context(installed_registry(services, database_url))
        step.done(f"sample registry: {types} types of jobs whose records are for agents, and {workers} agents")

        window = FULL_WINDOW if retries >= FULL_SIZE else SMALL_WINDOW
        stage = _start(stack, services, database_url, folder, window=window)
        step.done(f"daemon and web are up: {stage.http_url}")
        yield stage


class Steps:
    """Tells each step with the time it took."""

    def __init__(self, tell: Tell) -> None:
        self._tell = tell
        self._since = time.monotonic()

    def done(self, words: str) -> None:
        """This is done now."""
        now = time.monotonic()
        self._tell(words, now - self._since)
        self._since = now


def _start(stack: contextlib.ExitStack, services: Services, database_url: str, folder: Path, *, window: int) -> Stage:
    port = free_port()
    # Whatever PGJOBS_… says outside is about another database.
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PGJOBS_")} | {
        "PGJOBS_AMQP_URL": services.amqp_url,
        "PGJOBS_LOG_DIR": str(folder / "logs"),
        "PGJOBS_INJECTIONS_DIR": str(folder / "injections"),
        "PGJOBS_HTTP_BIND": f"127.0.0.1:{port}",
        "PGJOBS_METRICS_BIND": "127.0.0.1:0",
        "PGJOBS_DAEMON_NAME": "demo",
        "PGJOBS_WINDOW": str(window),
    }
    # Whoever may make roles: the private server's superuser, or the role that was given.
    admin_url = services.postgres.url if services.postgres else database_url
    urls = {name: member_url(admin_url, f"pgjobs_{name}") for name in ("daemon", "web")}
    children = []
    for name, url in urls.items():
        child = Child(
            [sys.executable, "-m", "pgjobs", name],
            log=folder / f"{name}.log",
            env=environment | {"PGJOBS_DATABASE_URL": url},
            death_signal=signal.SIGTERM,
        )
        stack.callback(child.end, signal.SIGTERM, 15)
        children.append(child)
    private = services.postgres is not None and services.broker is not None
    http_url = f"http://127.0.0.1:{port}"
    stage = Stage(database_url, urls["daemon"], services.amqp_url, http_url, folder, private, tuple(children))
    with psycopg.connect(database_url, autocommit=True) as connection:
        children[0].wait_until(lambda: _beats(connection), 30)
    children[1].wait_until(lambda: _serves(stage.http_url), 30)
    return stage


def _beats(connection: psycopg.Connection) -> bool:
    return connection.execute("select from pgjobs.daemons").fetchone() is not None


def _serves(url: str) -> bool:
    try:
        return httpx.get(f"{url}/jobs/status", timeout=5).is_success
    except httpx.HTTPError:
        return False


@contextlib.contextmanager
def _folder(services: Services) -> Iterator[Path]:
    # Inside the servers' folder, which the next start removes even where this process was killed.
    parent = services.postgres.root.parent if services.postgres else None
    with tempfile.TemporaryDirectory(prefix="pgjobs-demo-", dir=parent) as name:
        folder = Path(name)
        for part in ("logs", "injections"):
            (folder / part).mkdir()
        yield folder


@contextlib.contextmanager
def _database(services: Services) -> Iterator[str]:
    """The private server's database; on somebody else's server a new one."""
    if services.postgres:
        yield services.postgres.owner_url()
        return
    name = f"pgjobs_demo_{secrets.token_hex(4)}"
    with psycopg.connect(services.database_url, autocommit=True) as connection:
        try:
            connection.execute(sql.SQL("create database {}").format(sql.Identifier(name)))
        except psycopg.errors.InsufficientPrivilege as error:
            raise ServicesError(
                "the role in PGJOBS_DATABASE_URL may not create the demo's own database",
                "alter role … createdb, or unset PGJOBS_DATABASE_URL: the demo then starts a private PostgreSQL",
            ) from error
    try:
        yield urlsplit(services.database_url)._replace(path=f"/{name}").geturl()
    finally:
        with psycopg.connect(services.database_url, autocommit=True) as connection:
            connection.execute(sql.SQL("drop database if exists {} with (force)").format(sql.Identifier(name)))
