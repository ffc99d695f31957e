"""Follow a job's progress to its end: a live bar at a terminal, plain lines elsewhere, or JSON."""

from __future__ import annotations

import json
import sys
import time
from dataclasses import asdict
from typing import Self

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn
from rich.table import Column
from rich.text import Text

from pgjobs.ops.patience import Patient, StaysAwayError
from pgjobs.ops.printed import at_terminal, harmless, say
from pgjobs.ops.progress import POLL_SECONDS, Look, look_at, patient_looks
from pgjobs.process import complain
from pgjobs.settings import Settings
from pgjobs.words import visible

LINE_SECONDS = 2.0
WAIT_SECONDS = 60.0
"""Seconds after which a line is repeated though nothing has changed."""
NOT_KNOWN = 3
"""Exit code where the database stays away before the job has ended; 1 would say that it has failed."""


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


def not_known(error: StaysAwayError, job: int) -> int:
    """Say that the job may go on though it is no longer watched; the exit code of that."""
    complain(error.sentence, f'the job may go on: "pgjobs watch {job}" shows it again; {error.hint}')
    return NOT_KNOWN


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
