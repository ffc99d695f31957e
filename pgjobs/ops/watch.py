"""Follow a job's progress to its end: a live bar at a terminal, plain lines elsewhere.

What is shown is one row of pgjobs.job_status, read whenever something is announced and twice a second anyway.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections.abc import AsyncIterator
from dataclasses import asdict, dataclass
from typing import Self

import psycopg
from psycopg import errors
from psycopg.rows import class_row
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn
from rich.table import Column
from rich.text import Text

from pgjobs.errors import SchemaError
from pgjobs.ops.asking import unknown
from pgjobs.ops.patience import Patient, StaysAwayError
from pgjobs.ops.printed import at_terminal, harmless, say
from pgjobs.pg import connection as db
from pgjobs.process import complain
from pgjobs.settings import Settings
from pgjobs.words import visible

POLL_SECONDS = 0.5
PAUSE = 0.05
LINE_SECONDS = 2.0
WAIT_SECONDS = 60.0
"""Seconds after which a line is repeated though nothing has changed."""
NOT_KNOWN = 3
"""Exit code where the database stays away before the job has ended; 1 would say that it has failed."""
ENDED = ("done", "error", "canceled")

LOOK = """
select id, type, status, total, coalesce(considered, 0) as considered, coalesce(sent, 0) as sent,
       coalesce(skipped, 0) as skipped, coalesce(returned, 0) as returned,
       case when considered is null then 0 else percent end::float8 as percent,
       coalesce(
         records_per_second, considered / nullif(pgjobs.seconds_between(started_at, finish_at), 0))::float8 as rate,
       extract(epoch from eta - clock_timestamp())::float8 as seconds_left, owner, log_path, why,
       items_closed as closed
from pgjobs.job_status
where id = %s
"""


@dataclass(frozen=True)
class Look:
    """A job as it was at one moment."""

    id: int
    type: str
    status: str
    total: int | None
    considered: int
    sent: int
    skipped: int
    returned: int
    percent: float
    rate: float | None
    seconds_left: float | None
    owner: str | None
    log_path: str | None
    why: str | None
    closed: int | None = None
    """Items of a tracked job that have an outcome."""

    @property
    def ended(self) -> bool:
        """Whether nothing more happens by itself."""
        return self.status in ENDED

    @property
    def waits(self) -> bool:
        """Whether it is to move and does not, and no daemon holds it."""
        return not self.ended and self.why is not None and self.owner is None

    @property
    def state(self) -> str:
        """Its status; a wait is no progress, whatever the status is."""
        return "waits" if self.waits else self.status

    @property
    def counts(self) -> str:
        """What became of the records so far."""
        given_back = f" · {self.returned:,} returned" if self.returned else ""
        return (
            f"{self.considered:,} considered · {self.sent:,} sent · {self.skipped:,} skipped{given_back}{self.closing}"
        )

    @property
    def closing(self) -> str:
        """How many items have an outcome, where there are any."""
        return "" if self.closed is None else f" · {self.closed:,} closed"

    @property
    def pace(self) -> str:
        """How fast it moves, or why it does not, and how long still."""
        if self.why is not None and self.status != "done":
            said = self.why
        else:
            said = f"{self.rate:,.0f}/s" if self.rate else ""
        left = "" if self.ended or self.seconds_left is None else f"{_span(self.seconds_left)} left"
        return visible(" · ".join(filter(None, (said, left))))


class Screen:
    """Something that shows looks."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """Leave what was shown where it is."""

    def show(self, look: Look) -> None:
        """Show the newest look."""
        raise NotImplementedError


class Bar(Screen):
    """A bar that moves."""

    def __init__(self, console: Console) -> None:
        self._progress = Progress(
            TextColumn("  job {task.fields[job]}", table_column=Column(no_wrap=True, min_width=8)),
            BarColumn(max(6, min(30, console.width // 10)), complete_style="cyan", finished_style="green"),
            TextColumn("{task.percentage:>5.1f} %", table_column=Column(no_wrap=True, min_width=7)),
            TextColumn("{task.fields[words]}", table_column=Column(overflow="fold")),
            console=console,
        )
        self._task: TaskID | None = None

    def __exit__(self, *_: object) -> None:
        self._progress.stop()

    def show(self, look: Look) -> None:
        """Move the bar."""
        colour = {"done": "green", "error": "red", "canceled": "yellow", "waits": "yellow"}.get(look.state, "cyan")
        words = Text.assemble(
            (look.state, colour), f" · {look.considered:,}{look.closing}", f" · {look.pace}" if look.pace else ""
        )
        if self._task is None:
            self._task = self._progress.add_task("", total=100, job=look.id, words=words.markup)
            self._progress.start()
        self._progress.update(self._task, completed=look.percent, words=words.markup, refresh=look.ended)


class Lines(Screen):
    """A line whenever the status changes, every other second while anything else does, and once a minute anyway."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._last: Look | None = None
        self._at = time.monotonic()

    def show(self, look: Look) -> None:
        """Print a line where there is something new; what is over in a moment need not be told."""
        quiet = time.monotonic() - self._at
        if not look.ended and quiet < self._patience(look):
            return
        self._last, self._at = look, time.monotonic()
        words = f"job {look.id} · {look.percent:.1f} % · {look.state} · {look.considered:,}{look.closing}"
        pace = f" · {look.pace}" if look.pace else ""
        self._console.print(f"  {words}{pace}", markup=False, highlight=False, soft_wrap=True)

    def _patience(self, look: Look) -> float:
        """Seconds that the line before may be old."""
        if self._last is None or look.status != self._last.status:
            return POLL_SECONDS
        changed = (look.why, look.considered, look.closed) != (self._last.why, self._last.considered, self._last.closed)
        return LINE_SECONDS if changed else WAIT_SECONDS


class Objects(Screen):
    """An object whenever anything has changed."""

    def __init__(self) -> None:
        self._last: Look | None = None

    def show(self, look: Look) -> None:
        """Print it as JSON."""
        if look != self._last:
            self._last = look
            say([harmless(json.dumps(asdict(look), ensure_ascii=False))])


def screen(console: Console) -> Screen:
    """What suits the place where the output goes."""
    return Bar(console) if console.is_terminal else Lines(console)


async def looks(connection: db.Connection, job: int, every: float = POLL_SECONDS) -> AsyncIterator[Look]:
    """The job now, then again after every change and every so many seconds, the last time when it has ended."""
    await connection.execute("listen pgjobs")
    while True:
        look = await look_at(connection, job)
        yield look
        if look.ended:
            return
        await asyncio.sleep(PAUSE)  # hundreds of announcements a second are no reason for as many looks
        async for _ in connection.notifies(timeout=max(0.0, every - PAUSE), stop_after=1):
            pass


async def patient_looks(database: Patient, job: int) -> AsyncIterator[Look]:
    """The same, also where the database is away for a while."""
    until = None
    while True:
        try:
            async for look in looks(await database.connection(), job):
                until = None
                yield look
        except (psycopg.Error, OSError) as error:
            until = await database.outlast(error, until)
        else:
            return


def not_known(error: StaysAwayError, job: int) -> int:
    """Say that the job may go on though it is no longer watched; the exit code of that."""
    complain(error.sentence, f'the job may go on: "pgjobs watch {job}" shows it again; {error.hint}')
    return NOT_KNOWN


async def look_at(connection: db.Connection, job: int) -> Look:
    """The job as it is now."""
    cursor = connection.cursor(row_factory=class_row(Look))
    try:
        look = await (await cursor.execute(LOOK, (job,))).fetchone()
    except (errors.UndefinedTable, errors.UndefinedColumn) as error:
        raise SchemaError("the database does not have the views of this version of pgjobs") from error
    if look is None:
        raise unknown(job)
    return look


async def watch(settings: Settings, job: int, *, as_json: bool = False) -> int:
    """Show a job until it ends; 0: it is done, 1: it was stopped or broke off, 3: nobody knows."""
    console = Console(file=sys.stdout, force_terminal=at_terminal())
    async with Patient(settings, "watch") as database:
        first = await look_at(await database.connection(), job)
        try:
            with Objects() if as_json else screen(console) as shown:
                shown.show(first)
                async for look in patient_looks(database, job):
                    shown.show(look)
        except StaysAwayError as error:
            return not_known(error, job)
    if not as_json:
        say([f"  {look.counts}", *([f"  log: {visible(look.log_path)}"] if look.log_path else [])])
    return 0 if look.status == "done" else 1


def _span(seconds: float) -> str:
    """A length of time as people say it: 42 s, 3 min 5 s, 2 h 10 min."""
    whole = max(0, round(seconds))
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    return f"{whole // 3600} h {whole % 3600 // 60} min"
