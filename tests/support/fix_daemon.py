"""Fixtures: the real daemon as a child process, and readers of everything it leaves behind.

Nothing here uses the engine's own code: the log is parsed, the queue is drained and the counters are read
independently, so that a mistake in the engine can't hide behind itself.
"""

import atexit
import contextlib
import dataclasses
import functools
import json
import os
import re
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Self

import psycopg
import pytest
from fix_broker import Drain
from fix_services import soon
from pika import BasicProperties
from psycopg.rows import dict_row, scalar_row
from psycopg.types.json import Jsonb

import pgjobs
from pgjobs.lab.roles import OPEN_TABLES, member_url
from pgjobs.lab.services import Services
from pgjobs.torture.forkserver import Child, ForkServer

PATIENCE = 60.0
DEATH = ("setpriv", "--pdeathsig=KILL", "--")
ESCAPED = {"n": b"\n", "r": b"\r", "t": b"\t", '"': b'"', "\\": b"\\"}
HEX_ESCAPES = {"x": 2, "u": 4, "U": 8}


@functools.cache
def forkserver() -> ForkServer:
    """The process of this worker that forks its daemons: one that has loaded everything starts in no time."""
    made = ForkServer()
    atexit.register(made.close)
    return made


class _Command:
    """A daemon started as a command, under another one that changes its rights or limits."""

    def __init__(self, under: Sequence[str], environment: Mapping[str, str], log: Path) -> None:
        with log.open("ab") as output:
            self._process = subprocess.Popen(
                [*DEATH, *under, sys.executable, "-m", "pgjobs", "daemon"],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                env=dict(environment),
                cwd=Path(pgjobs.__file__).parents[1],
            )
        self.pid = self._process.pid
        self.send = self._process.send_signal

    @property
    def running(self) -> bool:
        return self._process.poll() is None

    @property
    def code(self) -> int:
        return self._process.wait()

    def wait(self, seconds: float) -> bool:
        try:
            self._process.wait(seconds)
        except subprocess.TimeoutExpired:
            self._process.kill()
            return False
        return True


class DaemonProcess:
    """One daemon; `under` is a command it is run under, with other rights or limits."""

    def __init__(self, name: str, folder: Path, environment: Mapping[str, str], under: Sequence[str]) -> None:
        self.name = name
        self.log = folder / f"{name}.txt"
        self.log.touch()
        self._process: Child | _Command = (
            _Command(under, environment, self.log) if under else forkserver().start(environment, self.log)
        )

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def running(self) -> bool:
        return self._process.running

    @property
    def said(self) -> str:
        """Everything it has written so far."""
        return self.log.read_text(errors="replace")

    def wait_said(self, words: str | re.Pattern[str], times: int = 1) -> None:
        """Wait until it has written something so often: what it does is seen in the database before it tells of it."""
        pattern = re.compile(re.escape(words)) if isinstance(words, str) else words
        assert soon(lambda: len(pattern.findall(self.said)) >= times, PATIENCE), (
            f"{self.name} has not written {pattern.pattern!r} {times} times:\n{self.said[-3000:]}"
        )

    def pause(self) -> None:
        """Freeze it, as a suspended machine would."""
        self._process.send(signal.SIGSTOP)

    def go_on(self) -> None:
        """Let it go on as if nothing had happened."""
        self._process.send(signal.SIGCONT)

    def kill(self) -> None:
        """Take it away without a word."""
        self._process.send(signal.SIGKILL)
        self._process.wait(PATIENCE)

    def terminate(self, seconds: float = PATIENCE) -> int:
        """Ask it to end; its exit code, -9 when it did not end in time."""
        self._process.send(signal.SIGTERM)
        return self.wait(seconds)

    def wait(self, seconds: float = PATIENCE) -> int:
        """Wait for its end; its exit code."""
        self._process.wait(seconds)
        return self._process.code


@dataclasses.dataclass(frozen=True)
class Message:
    """A message as a consumer sees it."""

    properties: BasicProperties
    body: bytes

    @property
    def key(self) -> int:
        """The record it is about, out of its id."""
        return int(str(self.properties.message_id).rpartition("-")[2])

    @property
    def marked(self) -> bool:
        """Whether it says that it may have been sent before."""
        return (self.properties.headers or {}).get("x-maybe-duplicate") is True

    @property
    def event(self) -> dict[str, Any]:
        """The fields of its event_data."""
        content = json.loads(self.body, parse_float=str)
        assert content.keys() == {"event_name", "event_data"}
        assert content["event_name"] == "charge"
        return dict(content["event_data"])


def unmarked_copies(messages: Iterable[Message]) -> list[int]:
    """Keys of which more than one message is unmarked; of the copies, any may reach the queue first."""
    unmarked = Counter(message.key for message in messages if not message.marked)
    return [key for key, number in unmarked.items() if number > 1]


@dataclasses.dataclass(frozen=True)
class LogLine:
    """A line of a job's log, read back."""

    time: str
    msg: bytes
    action: str
    error: str | None
    key: int


@dataclasses.dataclass(frozen=True)
class Counters:
    """What the database says about a job."""

    considered: int
    sent: int
    skipped: int
    returned: int


class Engine:
    """A migrated database, a queue, folders, and as many daemons on them as a test starts."""

    def __init__(self, database_url: str, amqp_url: str, queue: str, folder: Path) -> None:
        self.database_url = database_url
        self.amqp_url = amqp_url
        self.queue = queue
        self.folder = folder
        self.log_dir = folder / "logs"
        self.injections_dir = folder / "injections"
        for path in (self.log_dir, self.injections_dir):
            path.mkdir(parents=True, exist_ok=True)
        self.daemons: list[DaemonProcess] = []
        self.database = self.connect()
        self.execute(OPEN_TABLES)
        self.set_route(queue)

    @property
    def daemon_url(self) -> str:
        """The database as a daemon reaches it."""
        return member_url(self.database_url, "pgjobs_daemon")

    def connect(self) -> psycopg.Connection[Any]:
        """A further connection to the database."""
        return psycopg.connect(self.database_url, autocommit=True, options="-c timezone=UTC")

    def reconnect(self) -> None:
        """Connect anew after the server was away."""
        self.database.close()
        self.database = self.connect()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for daemon in self.daemons:
            daemon.kill()
        self.database.close()

    # --- daemons ---------------------------------------------------------------------------------------

    def start(
        self, *, under: Sequence[str] = (), ready: bool = True, version: str = "", **settings: object
    ) -> DaemonProcess:
        """Start a daemon with small windows and a short lease; `settings` as in the README, in lower case.

        `version`: the one that it says to be of.
        """
        name = f"daemon-{len(self.daemons) + 1}"
        chosen = {
            "database_url": self.daemon_url,
            "amqp_url": self.amqp_url,
            "log_dir": self.log_dir,
            "injections_dir": self.injections_dir,
            "injection_settle_seconds": 0,
            "window": 7,
            # A machine that stalls for a moment costs no lease; who is to lose it soon is started with a shorter one.
            "lease_seconds": 6,
            "poll_seconds": 1,
            "daemon_name": name,
            "metrics_bind": "",
            "callback_hosts": "*,127.0.0.1",
        } | settings
        clean = {key: value for key, value in os.environ.items() if not key.startswith("PGJOBS_")}
        own = {f"PGJOBS_{key.upper()}": str(value) for key, value in chosen.items()}
        if version:
            own["PGJOBS_TEST_VERSION"] = version
        daemon = DaemonProcess(name, self.folder, clean | own, under)
        self.daemons.append(daemon)
        if ready:
            self.wait_for(lambda: " is up as " in daemon.said or not daemon.running, f"{name} is up")
            assert daemon.running, f"{name} has ended: {daemon.said}"
        return daemon

    # --- waiting ---------------------------------------------------------------------------------------

    def wait_for(self, condition: Callable[[], bool], what: str, seconds: float = PATIENCE) -> None:
        """Wait until `condition()`; fail with what every daemon said when the time is over."""
        if not soon(condition, seconds):
            said = "\n".join(f"--- {daemon.name}\n{daemon.said[-3000:]}" for daemon in self.daemons)
            raise AssertionError(f"after {seconds:g} s still not: {what}\n{said}")

    def wait_until(self, condition: str, *args: object, seconds: float = PATIENCE) -> None:
        """Wait until an SQL condition is true."""
        self.wait_for(lambda: self.value(f"select {condition}", *args) is True, condition, seconds)

    def wait_status(self, job: int, status: str, seconds: float = PATIENCE) -> None:
        """Wait until a job has a status and nobody holds it any more."""
        condition = (
            "exists (select from xmp_jobs j where j.id = %s and j.status = %s and not exists"
            " (select from pgjobs.shards p where p.job_id = j.id and p.owner is not null))"
        )
        try:
            self.wait_until(condition, job, status, seconds=seconds)
        except AssertionError as error:
            found = self.value("select status || ': ' || coalesce(pgjobs.why(id), '') from xmp_jobs where id = %s", job)
            raise AssertionError(f"job {job} should become {status} and is {found}\n{error}") from None

    def wait_considered(self, job: int, number: int, seconds: float = PATIENCE) -> None:
        """Wait until at least so many records are checkpointed."""
        condition = "exists (select from pgjobs.shards p where p.job_id = %s and p.considered >= %s)"
        self.wait_until(condition, job, number, seconds=seconds)

    # --- the database ----------------------------------------------------------------------------------

    def value(self, query: str, *args: object) -> Any:
        """The single value of a query."""
        return self.database.cursor(row_factory=scalar_row).execute(query.encode(), args).fetchone()

    def rows(self, query: str, *args: object) -> list[dict[str, Any]]:
        """The rows of a query."""
        return self.database.cursor(row_factory=dict_row).execute(query.encode(), args).fetchall()

    def execute(self, query: str, *args: object) -> None:
        """Run a statement."""
        self.database.execute(query.encode(), args)

    def insert(self, table: str, rows: Iterable[Mapping[str, object]]) -> None:
        """Insert rows given as mappings; all of them have the same keys."""
        listed = list(rows)
        if not listed:
            return
        columns = list(listed[0])
        statement = psycopg.sql.SQL("copy {} ({}) from stdin").format(
            psycopg.sql.Identifier(table), psycopg.sql.SQL(", ").join(map(psycopg.sql.Identifier, columns))
        )
        with self.database.cursor() as cursor, cursor.copy(statement) as copy:
            for row in listed:
                copy.write_row([row[column] for column in columns])

    def add_retries(self, number: int, *, first: int = 1, msisdns: int | None = None) -> None:
        """Expired retries with ids from `first` on; their msisdns repeat after `msisdns` of them."""
        self.execute(
            "insert into xmp_retries_expired (id, msisdn, tid, price)"
            " select i, (923000000000 + i %% %s)::text, 'tid-' || i, 5 from generate_series(%s::bigint, %s) i",
            msisdns or number,
            first,
            first + number - 1,
        )

    def add_file(self, name: str, content: bytes) -> str:
        """A file in the injections directory; its name."""
        (self.injections_dir / name).write_bytes(content)
        return name

    def add_job(self, job_type: str, file_name: str = "", **params: object) -> int:
        """Insert a job that is due."""
        return int(
            self.value(
                "insert into xmp_jobs (type, file_name, params) values (%s, %s, %s) returning id",
                job_type,
                file_name,
                Jsonb(params),
            )
        )

    def add_stopping_job(self, number: int, **params: object) -> int:
        """Start an expired job that is stopped when it has considered `number` records."""
        job = int(
            self.value(
                "insert into xmp_jobs (type, params, status) values ('expired', %s, 'canceled') returning id",
                Jsonb(params),
            )
        )
        self.stop_when_considered(job, number)
        self.set_status(job, "ready")
        return job

    def set_status(self, job: int, status: str) -> None:
        """What the CMS does to stop or resume a job."""
        self.execute("update xmp_jobs set status = %s where id = %s", status, job)

    def set_route(self, routing_key: str, exchange: str = "") -> None:
        """Where the messages of every type go."""
        self.execute("update xmp_job_types set exchange = %s, routing_key = %s", exchange, routing_key)

    def stop_when_considered(self, job: int, number: int) -> None:
        """Stop a job in the very checkpoint that brings it to `number` records: the same point in every run."""
        self.execute("create table if not exists public.stop_at (job_id bigint primary key, number bigint)")
        self.execute(
            "create or replace function public.stop_job_at() returns trigger language plpgsql as $$ begin"
            " delete from public.stop_at s where s.job_id = new.job_id and s.number <= new.considered;"
            " if found then update public.xmp_jobs set status = 'canceled' where id = new.job_id; end if;"
            " return null; end $$"
        )
        self.execute(
            "create or replace trigger stop_job_at after update on pgjobs.shards for each row"
            " when (new.considered > old.considered) execute function public.stop_job_at()"
        )
        self.execute("insert into public.stop_at values (%s, %s)", job, number)

    @contextlib.contextmanager
    def slowed(self, seconds: float = 0.02) -> Iterator[None]:
        """Each checkpoint takes so much longer: a job still runs when something is done to it in its midst."""
        self.execute(
            f"create function public.take_time() returns trigger language plpgsql as"
            f" $$ begin perform pg_sleep({seconds}); return null; end $$"
        )
        self.execute(
            "create trigger take_time after update on pgjobs.shards for each row"
            " when (new.considered > old.considered) execute function public.take_time()"
        )
        yield
        # Without a lock that runs would wait for.
        self.execute(
            "create or replace function public.take_time() returns trigger language plpgsql as"
            " $$ begin return null; end $$"
        )

    # --- what a run leaves behind ----------------------------------------------------------------------

    def counters(self, job: int) -> Counters:
        """The counters of a job; they agree with the outcomes by action."""
        # One statement, for a daemon may store a checkpoint between two.
        row = self.rows(
            "select coalesce(sum(considered), 0)::int considered, coalesce(sum(sent), 0)::int sent,"
            " coalesce(sum(skipped), 0)::int skipped, coalesce(sum(returned), 0)::int returned,"
            " (select coalesce(sum(records), 0)::int from pgjobs.job_outcomes where job_id = %s) all_outcomes,"
            " (select coalesce(sum(records), 0)::int from pgjobs.job_outcomes where job_id = %s and action = 'sent')"
            " sent_outcomes from pgjobs.shards where job_id = %s",
            *(job, job, job),
        )[0]
        assert (row["considered"], row["sent"]) == (row.pop("all_outcomes"), row.pop("sent_outcomes"))
        return Counters(**row)

    def outcomes(self, job: int) -> dict[tuple[str, str | None], int]:
        """How many records had which outcome, by action and reason."""
        found = self.rows("select action, reason, records from pgjobs.job_outcomes where job_id = %s", job)
        return {(row["action"], row["reason"]): row["records"] for row in found}

    def raw_log(self, job: int) -> bytes:
        """The authoritative log: every segment up to its committed length, in order."""
        segments = self.rows(
            "select path, bytes from pgjobs.log_segments where job_id = %s order by shard, segment", job
        )
        parts = []
        for segment in segments:
            content = Path(segment["path"]).read_bytes() if segment["bytes"] else b""
            assert len(content) >= segment["bytes"], f"{segment} is shorter than what was committed"
            parts.append(content[: segment["bytes"]])
        return b"".join(parts)

    def log_lines(self, job: int) -> list[LogLine]:
        """The lines of the authoritative log."""
        content = self.raw_log(job)
        assert content == b"" or content.endswith(b"\n"), "the committed log ends within a line"
        return [read_line(line) for line in content.split(b"\n")[:-1]]

    def error_of(self, job: int) -> str:
        """The sentence a job broke off with."""
        return str(self.value("select error from pgjobs.shards where job_id = %s", job))

    def uncertain(self, job: int, *, descending: bool = False) -> Callable[[int], bool]:
        """Whether a key lies in a range that the database calls uncertain."""
        ranges = self.rows("select after_key, to_key from pgjobs.job_uncertain where job_id = %s", job)

        def lies_in(key: int) -> bool:
            for found in ranges:
                after, to = found["after_key"], found["to_key"]
                if descending and to <= key and (after is None or key < after):
                    return True
                if not descending and key <= to and (after is None or key > after):
                    return True
            return False

        return lies_in

    def drain(self, queue: str | None = None) -> list[Message]:
        """Every message of the queue, in its order; it is empty afterwards."""
        with Drain(self.amqp_url) as reader:
            return [Message(properties, body) for properties, body in reader.read(queue or self.queue)]


def read_line(line: bytes) -> LogLine:
    """Read one logfmt line of a job's log; anything unexpected about it is an error."""
    fields = dict(_pairs(line))
    assert fields.pop("level") == b"info"
    error = fields.pop("error", None)
    read = LogLine(
        time=fields.pop("time").decode(),
        msg=fields.pop("msg"),
        action=fields.pop("action").decode(),
        error=None if error is None else error.decode(),
        key=int(fields.pop("id")),
    )
    assert not fields, f"fields nobody knows: {fields}"
    assert (read.action, error is None) in {("sent", True), ("skip", False)}
    return read


def _pairs(line: bytes) -> Iterator[tuple[str, bytes]]:
    text = line.decode()
    at = 0
    while at < len(text):
        name, _, _ = text[at:].partition("=")
        at += len(name) + 1
        if text[at] == '"':
            value, at = _unquoted(text, at + 1)
        else:
            bare = text[at:].partition(" ")[0]
            value, at = bare.encode(), at + len(bare)
        yield name, value
        assert text[at : at + 1] in ("", " "), f"no blank behind a value: {text[at:]!r}"
        at += 1


def _unquoted(text: str, at: int) -> tuple[bytes, int]:
    value = bytearray()
    while text[at] != '"':
        if text[at] != "\\":
            value += text[at].encode()
            at += 1
            continue
        kind = text[at + 1]
        at += 2
        if kind in ESCAPED:
            value += ESCAPED[kind]
            continue
        digits = text[at : at + HEX_ESCAPES[kind]]
        value += bytes([int(digits, 16)]) if kind == "x" else chr(int(digits, 16)).encode()
        at += len(digits)
    return bytes(value), at + 1


@pytest.fixture
def engine(services: Services, database: str, queue: str, tmp_path: Path) -> Iterator[Engine]:
    """An engine on the session's servers, without a daemon yet."""
    with Engine(database, services.amqp_url, queue, tmp_path) as made:
        yield made


@pytest.fixture
def daemon(engine: Engine) -> DaemonProcess:
    """A running daemon of that engine."""
    return engine.start()
