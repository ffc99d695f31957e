"""Run the programme from first to last letter, whatever happens to one of them, and report."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import pika
import psycopg
from rich.console import Console
from rich.markup import escape

from pgjobs.bench import (
    backlog,
    comparisons,
    crowd,
    crowded,
    doors,
    fairness,
    growth,
    injecting,
    latency,
    live,
    profiler,
    rates,
    report,
    selecting,
    sharding,
    small,
    tracking,
    viewers,
    views,
    waiting,
)
from pgjobs.bench.lab import Lab, laboratory
from pgjobs.bench.scale import LETTERS, Scale
from pgjobs.errors import PgjobsError, SettingsError
from pgjobs.lab.services import running_services

WIDTH = 140
Measure = Callable[[Lab], None]
REST: tuple[tuple[str, Measure], ...] = (
    ("c", comparisons.measure),
    ("d", selecting.measure),
    ("e", injecting.measure),
    ("f", latency.measure),
    ("h", crowd.measure),
    ("i", sharding.measure),
    (crowded.LETTER, crowded.measure),
    ("k", fairness.measure),
    (small.LETTER, small.measure),
    (rates.LETTER, rates.measure),
    (backlog.LETTER, backlog.measure),
    (waiting.LETTER, waiting.measure),
    (tracking.LETTER, tracking.measure),
    (doors.LETTER, doors.measure),
    (viewers.LETTER, viewers.measure),
    (views.LETTER, views.measure),
    ("g", growth.measure),  # the last one: it may load another table
)


def run(scale: Scale, json_file: Path | None = None, profile: Path | None = None) -> int:
    """Measure on the servers at hand; 0 when everything asked for was measured."""
    unknown = set(scale.letters) - set(LETTERS)
    if unknown:
        raise SettingsError(f"--only: {', '.join(sorted(unknown))} is no measurement", f"give letters of {LETTERS}")
    for option, path in (("--json", json_file), ("--profile", profile)):
        if path is not None and not path.parent.is_dir():
            raise SettingsError(f"{option}: there is no folder {path.parent}", "make it, or name another one")
    if profile is not None:
        if "b" not in scale.letters:
            raise SettingsError("--profile: it shows a live job, and that is measurement b", "add b to --only")
        profiler.find()
    console, notes = Console(), Console(stderr=True)
    if not console.is_terminal:
        console = Console(width=WIDTH)
    began = time.monotonic()

    def say(words: str) -> None:
        notes.print(f"[dim]{time.monotonic() - began:6.1f} s[/dim]  {escape(words)}", highlight=False)

    with running_services() as services, laboratory(services, scale, say) as lab:
        servers = versions(lab)
        try:
            complete = measure(lab, profile)
        finally:  # whoever loses patience sees what there is
            report.show(console, lab.book)
            if json_file is not None:
                report.write(json_file, lab.book, lab.scale, servers)
    say("done")
    return 0 if complete else 1


def measure(lab: Lab, profile: Path | None = None) -> bool:
    """Every measurement asked for; one that fails leaves a remark, and the others go on."""
    programme: list[tuple[str, Measure]] = [("ab", lambda lab: live.measure(lab, profile)), *REST]
    complete = True
    for letters, take in programme:
        if not set(letters) & set(lab.scale.letters):
            continue
        try:
            take(lab)
        except (PgjobsError, psycopg.Error, pika.exceptions.AMQPError, OSError, ValueError) as error:
            complete = False
            sentence = f"{letters}: broken off: {str(error).strip()}"
            lab.book.remark(sentence)
            lab.say(sentence)
    return complete


def versions(lab: Lab) -> dict[str, str]:
    """Which servers were measured."""
    connection = pika.BlockingConnection(pika.URLParameters(lab.amqp_url))
    properties = connection._impl.server_properties or {}  # noqa: SLF001 pika does not hand them out otherwise
    connection.close()
    broker = properties.get("version", b"")
    return {
        "postgresql": lab.connection.info.parameter_status("server_version") or "",
        "rabbitmq": broker.decode() if isinstance(broker, bytes) else str(broker),
    }
