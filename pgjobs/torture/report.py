"""The output of torture: a progress line while it runs, the certificate, and the same as JSON."""

from __future__ import annotations

import json
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any

import typer

from pgjobs.torture.verdict import Verdict

EVERY_SECONDS = 10.0
ENDS = {"s": "good", "f": "failed", "t": "timed out", "c": "cancelled", "x": "refused"}
FATES = ("straight", "twice", "partial first", "batched", "late", "never", "dies")


class Progress:
    """One line that is overwritten on a terminal; elsewhere one line every few seconds."""

    def __init__(self) -> None:
        self._live = sys.stderr.isatty()
        self._shown_at = 0.0

    def __call__(self, words: str) -> None:
        """Show the progress."""
        now = time.monotonic()
        if now - self._shown_at < (0.2 if self._live else EVERY_SECONDS):
            return
        self._shown_at = now
        typer.echo(f"\r\033[K{words}" if self._live else words, err=True, nl=not self._live)

    def clear(self) -> None:
        """Clear the line, before lasting output."""
        if self._live:
            typer.echo("\r\033[K", err=True, nl=False)


def certificate(verdict: Verdict) -> list[str]:
    """The certificate of a run, a line each."""
    found = verdict.certificate
    again = f"  duplicated  {found.duplicated:,} of at most {found.at_most:,}"
    lines = [
        f"torture, seed {verdict.seed}, {verdict.queue} queue, {verdict.seconds:,.0f} s",
        f"  faults      {verdict.faults.total():,}: {_listed(verdict.faults)}",
        f"  jobs        {verdict.jobs:,}, stopped and resumed {verdict.stops:,} times",
        f"  pace        {_listed(verdict.halted)}; {verdict.timed_out:,} records timed out",
        f"  records     {found.records:,} accounted for, {found.sent:,} sent, {found.messages:,} messages taken",
        f"  lost        {found.lost:,}",
        f"{again}, every one inside {found.ranges:,} reported uncertain ranges and marked",
    ]
    if not verdict.good:
        lines[-1] = f"{again}, {found.ranges:,} uncertain ranges"
    lines += _items(verdict)
    if verdict.good:
        return [*lines, "  every promise was kept"]
    lines += [f"  VIOLATION   {sentence}" for sentence in [*found.violations, *verdict.findings]]
    return [*lines, f"  logs, schedule and state are kept in {verdict.kept}"]


def _items(verdict: Verdict) -> list[str]:
    """What is to be said of tracked jobs, where there were any."""
    items = verdict.items
    if not items["jobs"]:
        return []
    ends = ", ".join(f"{items[status]:,} {word}" for status, word in ENDS.items() if items[status])
    fates = ", ".join(f"{items[fate]:,} {fate}" for fate in FATES if items[fate])
    vain = ", ".join(f"{kind} {items[f'{kind} answers']:,}" for kind in ("late", "repeated", "useless"))
    return [
        f"  tracked     {items['jobs']:,} jobs, {_listed(verdict.deeds)}",
        f"  items       {items['items']:,}, each closed once: {ends}; {items['attempts']:,} attempts",
        f"  answers     {fates}; counted as {vain}",
    ]


def _listed(counts: Counter[str]) -> str:
    return ", ".join(f"{kind} {number:,}" for kind, number in counts.most_common())


def as_json(verdict: Verdict) -> dict[str, Any]:
    """The certificate for machines."""
    found = verdict.certificate
    return {
        "seed": verdict.seed,
        "queue": verdict.queue,
        "seconds": round(verdict.seconds, 1),
        "faults": dict(verdict.faults),
        "jobs": verdict.jobs,
        "stops": verdict.stops,
        "pace": dict(verdict.halted),
        "timed_out": verdict.timed_out,
        "records": found.records,
        "sent": found.sent,
        "messages": found.messages,
        "lost": found.lost,
        "duplicated": found.duplicated,
        "at_most": found.at_most,
        "ranges": found.ranges,
        "deeds": dict(verdict.deeds),
        "items": dict(verdict.items),
        "violations": [*found.violations, *verdict.findings],
    }


def write(path: Path | None, results: object) -> None:
    """Write results as JSON, where that is asked for."""
    if path is not None:
        path.write_text(json.dumps(results, indent=1) + "\n")
