"""`pgjobs doctor`: check everything a job needs, in a few seconds, without changing anything."""

from __future__ import annotations

from collections.abc import AsyncIterator

from rich.console import Console
from rich.markup import escape

from pgjobs.doctor import broker, database, host, work
from pgjobs.doctor.finding import Finding
from pgjobs.settings import Settings

MARKS = {"ok": "[green]✓[/]", "warning": "[yellow]![/]", "problem": "[bold red]✗[/]"}


async def examine(settings: Settings) -> int:
    """Print every finding; 0 when none of them is a problem, else 1."""
    console = Console(highlight=False, soft_wrap=True)
    counts = {"ok": 0, "warning": 0, "problem": 0}
    async for found in findings(settings):
        counts[found.level] += 1
        console.print(f"{MARKS[found.level]} {found.about:<12} {escape(found.sentence)}")
        if found.remedy:
            console.print(f"  {'':<12} [dim]→ {escape(found.remedy)}[/]")
    console.print(
        f"\n{counts['ok']} ok, {_counted(counts['warning'], 'warning')}, {_counted(counts['problem'], 'problem')}"
    )
    return 1 if counts["problem"] else 0


async def findings(settings: Settings) -> AsyncIterator[Finding]:
    """Every finding, as soon as it is known."""
    for found in host.findings(settings):
        yield found
    types: list[work.JobType] = []
    async for found in database.findings(settings, types):
        yield found
    async for found in broker.findings(settings, types):
        yield found


def _counted(number: int, thing: str) -> str:
    return f"{number} {thing}{'' if number == 1 else 's'}"
