"""What goes on: running jobs, daemons and queues; a table that lives at a terminal, one snapshot elsewhere."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import sys
import termios
import tty
from collections.abc import Callable, Iterator
from typing import Any

import psycopg
from rich.console import Console
from rich.live import Live
from rich.text import Text

from pgjobs.ops.patience import Patient, reason
from pgjobs.ops.printed import INDENT, Column, at_terminal, harmless, moment, say, table, width, wrapped
from pgjobs.settings import Settings
from pgjobs.words import visible

MOST_JOBS = 50
ASK = f"select pgjobs.overview({MOST_JOBS})::text"
TERMINATED = 143
STATUSES = ("in progress", "ready", "error")
JOBS = (
    Column("job", right=True),
    Column("type", wraps=True),
    Column("name", wraps=True, needed=False),
    Column("done", right=True),
    Column("per s", right=True),
    Column("ends (UTC)"),
    Column("by", wraps=True),
    Column("why", wraps=True),
)
DAEMONS = (
    Column("daemon", wraps=True),
    Column("state", tinted=True),
    Column("shards", right=True),
    Column("broker", wraps=True, tinted=True),
    Column("seen (UTC)"),
    Column("where", wraps=True),
    Column("version", wraps=True),
)
QUEUES = (
    Column("queue", wraps=True),
    Column("ready", right=True),
    Column("consumers", right=True),
    Column("measured (UTC)"),
    Column("for", wraps=True),
    Column("trouble", wraps=True),
)


async def show(settings: Settings, every: float, *, once: bool, as_json: bool) -> int:
    """Show it until somebody presses q, or once."""
    async with Patient(settings, "top") as database:
        said = await database.ask(ASK)
        if as_json or once or not at_terminal():
            say([harmless(said)] if as_json else lines(json.loads(said), width()))
            return 0
        return await _live(database, json.loads(said), every)


def lines(said: dict[str, Any], most: int | None, trouble: str | None = None) -> list[str]:
    """What is shown of an overview, what is wrong first."""
    counts = [f"{said['counts'][status]:,} {status}" for status in STATUSES if said["counts"].get(status)]
    head = [" · ".join((f"{moment(said['at'])} UTC", *counts))]
    head += [f"no answer since then: {visible(trouble)}"] if trouble else []
    head += [visible(said["held"])] if said["held"] else []
    if not any(daemon["alive"] for daemon in said["daemons"]):
        head.append('no daemon is alive: start one with "pgjobs daemon"')
    # A line that goes on is indented, so that each of them is seen as one.
    told = (
        head
        if most is None
        else [
            INDENT * (number > 0) + part
            for line in head
            for number, part in enumerate(wrapped(line, most, most - len(INDENT)))
        ]
    )
    jobs, daemons = said["jobs"], said["daemons"]
    told += ["", *(table(JOBS, map(_job, jobs), most) if jobs else ["no job is in progress"])]
    more = said["counts"].get("in progress", 0) - len(jobs)
    told += [f"and {more:,} more"] if more > 0 and len(jobs) == MOST_JOBS else []
    told += ["", *table(DAEMONS, map(_daemon, daemons), most)] if daemons else []
    return told + (["", *table(QUEUES, map(_queue, said["queues"]), most)] if said["queues"] else [])


def _job(row: dict[str, Any]) -> tuple[object, ...]:
    progress = row["progress"]
    rate = progress["rate"] and f"{progress['rate']:,.0f}"
    done = f"{progress['percent']:.1f} %"
    return str(row["id"]), row["type"], row["name"], done, rate, moment(progress["eta"]), progress["owner"], row["why"]


def _daemon(row: dict[str, Any]) -> tuple[object, ...]:
    state = "alive" if row["alive"] else "silent"
    where, broker = f"{row['host']}:{row['pid']}", row["broker"] or "not known"
    return row["name"], state, row["running"], broker, moment(row["seen_at"]), where, row["version"]


def _queue(row: dict[str, Any]) -> tuple[object, ...]:
    types = ", ".join(row["types"]) + (" (answers)" if row["replies"] else "")
    return row["queue"], row["ready"], row["consumers"], moment(row["measured_at"]), types, row["trouble"]


async def _live(database: Patient, first: dict[str, Any], every: float) -> int:
    """Ask again and again, until a key or a signal says that it is enough."""
    loop = asyncio.get_running_loop()
    ended: asyncio.Future[int] = loop.create_future()

    def end(code: int) -> None:
        if not ended.done():
            ended.set_result(code)

    for number in (signal.SIGTERM, signal.SIGHUP):
        loop.add_signal_handler(number, end, TERMINATED)
    with _keys(loop, end), Live(console=Console(), screen=True, auto_refresh=False) as live:
        asking = asyncio.create_task(_ask(database, first, every, live))
        await asyncio.wait((asking, ended), return_when=asyncio.FIRST_COMPLETED)
        if asking.done():
            await asking
        asking.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await asking
    return await ended


async def _ask(database: Patient, said: dict[str, Any], every: float, live: Live) -> None:
    trouble: str | None = None
    while True:
        size = live.console.size
        live.update(_screen(lines(said, size.width, trouble), size.height), refresh=True)
        await asyncio.sleep(every)
        try:
            said, trouble = json.loads(await database.ask(ASK)), None
        except (psycopg.Error, OSError) as error:
            if not database.may_come_back(error):
                raise
            trouble = reason(error)


def _screen(told: list[str], height: int) -> Text:
    """As much of it as there is room for."""
    if len(told) > height:
        told = [*told[: height - 1], f"and {len(told) - height + 1} more lines"]
    return Text.from_ansi("\n".join(told), no_wrap=True, overflow="crop")


@contextlib.contextmanager
def _keys(loop: asyncio.AbstractEventLoop, end: Callable[[int], None]) -> Iterator[None]:
    """Hear keys at once, and leave the terminal as it was; q ends."""
    if not sys.stdin.isatty():
        yield
        return
    terminal = sys.stdin.fileno()
    before = termios.tcgetattr(terminal)
    tty.setcbreak(terminal)

    def on_key() -> None:
        if os.read(terminal, 1) in (b"q", b"Q", b""):
            end(0)

    loop.add_reader(terminal, on_key)
    try:
        yield
    finally:
        loop.remove_reader(terminal)
        termios.tcsetattr(terminal, termios.TCSADRAIN, before)
