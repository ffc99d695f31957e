"""Fixtures: a connection to the test's database, what it notifies; helpers that bring jobs
about."""

import json
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any, cast

import psycopg
import pytest
from psycopg.errors import Diagnostic
from psycopg.types.json import Jsonb

STATUSES = ("ready", "in progress", "canceled", "done", "error")
PREPARE = (
    "select pgjobs.prepare_job(k.job, k.shard, k.epoch, m.start_key, m.first_key, m.end_key, m.send_limit, m.estimate,"
    " m.cuts, m.zones)"
    " from (values (%s::bigint, %s::integer, %s::bigint)) k (job, shard, epoch),"
    " pgjobs.measure_selection(k.job) m"
)
"""Measures a selection and stores what was found; its arguments are job, shard (0) and epoch."""
WORKER = uuid.UUID("11111111-2222-3333-4444-555555555555")


class Db(psycopg.Connection[Any]):
    """An autocommit connection with shorthands for one row and one value."""

    def row(self, statement: str, *args: object) -> tuple[Any, ...]:
        """The only row of an answer."""
        rows = self.execute(statement.encode(), args or None).fetchall()
        assert 1 == len(rows)
        return cast("tuple[Any, ...]", rows[0])

    def value(self, statement: str, *args: object) -> Any:
        """The only value of an answer."""
        return self.row(statement, *args)[0]

    def column(self, statement: str, *args: object) -> list[Any]:
        """The first value of every row of an answer."""
        return [row[0] for row in self.execute(statement.encode(), args or None).fetchall()]

    def run(self, statement: str, *args: object) -> int:
        """How many rows a statement has written."""
        return self.execute(statement.encode(), args or None).rowcount

    def rows_read(self, statement: str) -> int:
        """How many rows of tables a statement reads, its functions and triggers included; inside of a transaction."""
        count = (
            "select sum(coalesce(seq_tup_read, 0) + coalesce(idx_tup_fetch, 0))::bigint from pg_stat_xact_user_tables"
            " where schemaname in ('pgjobs', 'public')"
        )
        before = self.value(count)
        self.execute(statement.encode())
        return int(self.value(count) - before)

    def calls_made(self, statement: str) -> int:
        """How many functions of the engine a statement calls, one that is a part of a plan none; in a transaction."""
        count = "select coalesce(sum(calls), 0)::bigint from pg_stat_xact_user_functions where schemaname = 'pgjobs'"
        self.execute("set local track_functions = 'all'")
        before = self.value(count)
        self.execute(statement.encode())
        return int(self.value(count) - before)

    def refusal(self, statement: str, *args: object) -> Diagnostic:
        """What the database says while it refuses a statement on purpose (an own SQLSTATE)."""
        with pytest.raises(psycopg.Error) as caught:
            self.execute(statement.encode(), args or None)
        assert (caught.value.sqlstate or "").startswith("PJ"), caught.value
        return caught.value.diag


def connect(url: str, **options: str) -> Db:
    """A connection whose session begins with these server settings."""
    settings = " ".join(f"-c {name}={value}" for name, value in options.items())
    return Db.connect(url, autocommit=True, options=settings)


class Notifications:
    """Receives what is notified on the channel of the engine."""

    def __init__(self, url: str) -> None:
        self.connection = connect(url)
        self.connection.execute("listen pgjobs")

    def received(self) -> list[dict[str, Any]]:
        """Everything notified since the last call: an own notification marks the end, so nothing is waited
        for."""
        end = uuid.uuid4().hex
        self.connection.execute("select pg_notify('pgjobs', %s)", (end,))
        received: list[dict[str, Any]] = []
        for notification in self.connection.notifies(timeout=30):
            if notification.payload == end:
                return received
            received.append(json.loads(notification.payload))
        raise AssertionError("not even the own notification came back")


@pytest.fixture
def db(database: str) -> Iterator[Db]:
    """A connection to the test's own migrated database."""
    with connect(database) as connection:
        yield connection


@pytest.fixture
def notifications(database: str) -> Iterator[Notifications]:
    """Listens to the test's own database."""
    listener = Notifications(database)
    yield listener
    listener.connection.close()


def set_clock(db: Db, moment: datetime) -> None:
    """Set the clock by which schedules are judged."""
    db.execute("select set_config('pgjobs.now', %s, false)", (moment.isoformat(),))


def insert_job(db: Db, type_: str = "expired", /, **columns: object) -> int:
    """The id of a new job; a type that reads a file gets a name of one."""
    columns = {"type": type_, "file_name": "lines.csv" if type_ == "injection" else ""} | columns
    if isinstance(columns.get("params"), dict):
        columns["params"] = Jsonb(columns["params"])
    names = ", ".join(columns)
    marks = ", ".join(["%s"] * len(columns))
    statement = f"insert into xmp_jobs ({names}) values ({marks}) returning id"  # noqa: S608 - names of the test
    return int(db.value(statement, *columns.values()))


def set_status(db: Db, job: int, status: str) -> None:
    """What a CMS does by SQL; in progress, what a daemon does that claims the job."""
    with db.transaction():
        if status == "in progress":
            db.execute("select set_config('pgjobs.claims', %s, true)", (str(job),))
        db.execute("update xmp_jobs set status = %s where id = %s", (status, job))


@contextmanager
def past_triggers(db: Db) -> Iterator[Db]:
    """What is written here no trigger sees."""
    db.execute("set session_replication_role = replica")
    try:
        yield db
    finally:
        db.execute("set session_replication_role = origin")


def job_in(db: Db, status: str, **columns: object) -> int:
    """The id of a job that has come to a status on the shortest legal way."""
    job = insert_job(db, **columns)
    if status == "ready":
        return job
    if status in ("canceled", "error"):
        set_status(db, job, status)
        return job
    set_status(db, job, "in progress")
    if status == "done":
        db.execute("update pgjobs.shards set finished_at = now() where job_id = %s", (job,))
        set_status(db, job, "done")
    return job


def claim(db: Db, job_id: int, **expected: object) -> dict[str, Any]:
    """The next shard of a job that the engine gives to a worker who is busy with all the others."""
    busy = db.column(
        "select j.id || '/' || coalesce(p.shard, 0) from xmp_jobs j left join pgjobs.shards p on p.job_id = j.id"
        " where j.id <> %s or p.owner is not null",
        job_id,
    )
    cursor = db.execute("select * from pgjobs.claim_shards(%s, %s, true, interval '30 s')", (WORKER, busy))
    assert cursor.description is not None
    rows = cursor.fetchall()
    assert 1 == len(rows), "nothing to claim"
    claimed = dict(zip([column.name for column in cursor.description], rows[0], strict=True))
    assert ({"job_id": job_id} | expected).items() <= claimed.items()
    return claimed


def prepare(db: Db, claimed: dict[str, Any]) -> None:
    """Fix the bounds of a job whose first shard is claimed, and cut it."""
    assert "go" == db.value(PREPARE, claimed["job_id"], claimed["shard"], claimed["epoch"])


def records(
    db: Db, job: int, after: int | None = None, end: int | None = None, *, limit: str = "all"
) -> list[tuple[int, str, str | None, dict[str, Any]]]:
    """(key, target, error, event_data) of a job's records, through the engine's own cursor; error as the log has it."""
    words = {code: rest for code, *rest in db.execute("select * from pgjobs.record_codes()").fetchall()}
    with db.transaction():
        db.execute("select pgjobs.open_records(%s, 0, %s, %s)", (job, after, end))
        rows = db.execute(f"fetch {limit} from records".encode()).fetchall()
    read = []
    for key, target, code, detail, body in rows:
        event: dict[str, Any] = {}
        error = None
        if code is None:
            message = json.loads(body)
            assert "charge" == message["event_name"]
            event = message["event_data"]
        else:
            assert body is None, "a body is made only for what is sent"
            shown, before = words[code]
            error = shown if detail is None else f"{shown}{before}{detail}"
        read.append((key, target if isinstance(target, str) else bytes(target or b"").decode(), error, event))
    return read


def outcome(db: Db, job: int, after: int | None = None, end: int | None = None) -> list[tuple[int, str | None]]:
    """(key, error) of a job's records; error None: it would be sent."""
    return [(key, error) for key, _, error, _ in records(db, job, after, end)]


def read_lines(db: Db, job: int, *texts: str) -> None:
    """What reading a file leaves behind: its lines, each already trimmed to its msisdn."""
    with db.transaction():
        with db.cursor().copy(db.value("select pgjobs.open_lines(%s)", job).encode()) as copy:
            for number, text in enumerate(texts, 1):
                fault = ("line_too_long", "5000") if text.startswith("too long") else (None, None)
                copy.write_row((job, number, text.encode(), text.removeprefix("too long "), *fault))
        db.execute("select pgjobs.close_lines(%s)", (job,))
