"""`pgjobs doctor`: check everything a job needs, within seconds, and leave nothing behind.

A check that fails for whatever reason is a finding itself: the examination always comes to its end.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator

from rich.console import Console
from rich.markup import escape

from pgjobs.ops.doctor import broker, database, host, work
from pgjobs.ops.doctor.finding import Finding, unchecked
from pgjobs.ops.printed import at_terminal, say
from pgjobs.settings import Settings
from pgjobs.words import counted, visible

MARKS = {"ok": "[green]✓[/]", "warning": "[yellow]![/]", "problem": "[bold red]✗[/]"}


async def examine(settings: Settings, *, live: bool = False, as_json: bool = False) -> int:
    """Print every finding; 0 when none of them is a problem, else 1. `live`: that no daemon is alive is a problem."""
    console = Console(highlight=False, soft_wrap=True, force_terminal=at_terminal())
    counts = {"ok": 0, "warning": 0, "problem": 0}
    async for found in findings(settings, live=live):
        counts[found.level] += 1
        if as_json:
            say([json.dumps(found._asdict())])
            continue
        console.print(f"{MARKS[found.level]} {found.about:<12} {escape(visible(found.sentence))}")
        if found.remedy:
            console.print(f"  {'':<12} [dim]→ {escape(visible(found.remedy))}[/]")
    if not as_json:
        console.print(
            f"\n{counts['ok']} ok, {counted(counts['warning'], 'warning')}, {counted(counts['problem'], 'problem')}"
        )
    return 1 if counts["problem"] else 0


async def findings(settings: Settings, *, live: bool = False) -> AsyncIterator[Finding]:
    """Every finding, as soon as it is known."""
    types: list[work.JobType] = []
    parts = (
        ("settings", host.findings(settings)),
        ("database", database.findings(settings, types, live=live)),
        ("broker", broker.findings(settings, types)),
    )
    for about, part in parts:
        try:
            async for found in part:
                yield found
        except Exception as error:  # noqa: BLE001 whatever it is, the other checks are made all the same
            yield unchecked(about, error)
