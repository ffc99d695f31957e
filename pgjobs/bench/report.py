"""What a run has found: two tables for people, and JSON for whoever compares runs."""

from __future__ import annotations

import json
import os
import platform
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path

from rich.console import Console
from rich.table import Table

import pgjobs
from pgjobs.bench.book import Book, Key
from pgjobs.bench.scale import Scale
from pgjobs.bench.targets import TARGETS

WHO = ("publisher", "postgres", "broker")
UNITS = {"_ms": " ms", "_us": " µs", "_mb": " MB", "_rate": "/s", "_percent": " %", "_times": " times"}


def show(console: Console, book: Book) -> None:
    """Print everything measured, then the targets beside what was reached."""
    console.print(_measurements(book))
    console.print(_targets(book))
    for remark in book.remarks:
        console.print(remark, markup=False)


def _measurements(book: Book) -> Table:
    table = Table(title="medians of this run; CPU in µs for each message, record or line")
    for column in ("", "what", "queue"):
        table.add_column(column)
    for column in ("n", "runs", "per second", "publisher", "PostgreSQL", "broker", "peak MB", "also"):
        table.add_column(column, justify="right", overflow="fold")
    for key, samples in book.samples.items():
        shown = "" if key.name.startswith(("commit", "due", "stop", "urgent")) else _number(book.rate(key), 0)
        table.add_row(
            key.letter,
            key.name,
            key.queue,
            f"{samples[0].count:,}",
            str(len(samples)),
            shown,
            *(_number(book.micros(key, who), 1) for who in WHO),
            _number(book.peak(key), 0),
            _also(book, key),
        )
    return table


def _also(book: Book, key: Key) -> str:
    names = dict.fromkeys(name for sample in book.samples[key] for name in sample.figures)
    words = []
    for name in names:
        value = book.figure(key, name)
        if value is None or name in ("considered", "sent"):
            continue
        unit = next((unit for end, unit in UNITS.items() if name.endswith(end)), "")
        words.append(f"{name.rsplit('_', 1)[0]} {_number(value, 0 if abs(value) >= 10 or value == 0 else 2)}{unit}")
    return ", ".join(words)


def _targets(book: Book) -> Table:
    table = Table(title="targets")
    table.add_column("what")
    table.add_column("target", justify="right")
    table.add_column("this run", justify="right")
    table.add_column("")
    for target in TARGETS:
        value, met = target.value(book), target.met(book)
        if value is None:
            table.add_row(target.what, target.wanted, "not measured", "", style="dim")
        else:
            mark = "[green]met[/green]" if met else "[red]missed[/red]"
            table.add_row(target.what, target.wanted, f"{value:.3g} {target.unit}".strip(), mark)
    return table


def _number(value: float | None, digits: int) -> str:
    return "" if value is None else f"{value:,.{digits}f}"


def write(path: Path, book: Book, scale: Scale, versions: dict[str, str]) -> None:
    """Everything as JSON: each repetition, the medians, the targets."""
    measurements = [
        {
            **key._asdict(),
            "per_second": book.rate(key),
            "cpu_us": {who: book.micros(key, who) for who in WHO},
            "peak_mb": book.peak(key),
            "figures": {name: book.figure(key, name) for sample in samples[:1] for name in sample.figures},
            "repetitions": [asdict(sample) for sample in samples],
        }
        for key, samples in book.samples.items()
    ]
    targets = [
        {
            "what": target.what,
            "target": target.wanted,
            "value": target.value(book),
            "met": target.met(book),
        }
        for target in TARGETS
    ]
    report = {
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "versions": {"pgjobs": pgjobs.__version__, "python": platform.python_version(), **versions},
        "cores": os.cpu_count(),
        "scale": asdict(scale),
        "measurements": measurements,
        "targets": targets,
        "remarks": book.remarks,
    }
    path.write_text(json.dumps(report, indent=2, ensure_ascii=False) + "\n")
