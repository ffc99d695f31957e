"""The commands that check what pgjobs promises: a log, the demo, the benchmarks and the fault tests."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from typing import Annotated

import typer

from pgjobs.cli.arguments import Job, Json
from pgjobs.errors import SettingsError
from pgjobs.process import ready_settings

app = typer.Typer()


@app.command()
def verify(job: Job, json: Json = False) -> None:
    """Check a job's log, checkpoints, outcomes and counters against each other."""
    from pgjobs.ops import verifying

    sys.exit(asyncio.run(verifying.verify(ready_settings("database_url"), job, as_json=json)))


@app.command()
def demo(
    keep: Annotated[bool, typer.Option("--keep", help="leave everything running at the end")] = False,
    retries: Annotated[int, typer.Option(min=5000, hidden=True)] = 200_000,
) -> None:
    """Show the main job on servers of its own, and check that queue, log and SQL agree."""
    from pgjobs.demo import story as show

    sys.exit(show.run(keep=keep, retries=retries))


@app.command()
def bench(
    records: Annotated[int | None, typer.Option(min=1000, help="rows of the table; twice as many transactions")] = None,
    repeat: Annotated[int | None, typer.Option(min=1, help="repetitions of what alternates")] = None,
    only: Annotated[str, typer.Option(help="letters of the measurements, as in a,b,f")] = "",
    json: Annotated[Path | None, typer.Option(help="write everything there as JSON")] = None,
    profile: Annotated[Path | None, typer.Option(help="write a flame graph of the daemon there (SVG)")] = None,
    quick: Annotated[bool, typer.Option("--quick", help="a first impression in some minutes")] = False,
    full: Annotated[bool, typer.Option("--full", help="growth up to 10,000,000 rows: takes an hour")] = False,
) -> None:
    """Measure against the broker's ceiling and against what people would use instead."""
    from pgjobs.bench import runner, scale

    letters = only.replace(",", "").replace(" ", "")
    if only and not letters:
        raise SettingsError("--only: no letter is given", f"give letters of {scale.LETTERS}")
    size = scale.choose(records=records, repeat=repeat, letters=letters, quick=quick, full=full)
    sys.exit(runner.run(size, json, profile))


@app.command()
def torture(
    seed: Annotated[int | None, typer.Option(help="the same seed, the same faults; default: a random one")] = None,
    minutes: Annotated[float, typer.Option(min=0.1, max=100_000, help="about so long, with a fault a second")] = 2,
    faults: Annotated[int | None, typer.Option(min=0, help="so many faults instead")] = None,
    daemons: Annotated[int, typer.Option(min=1, help="daemons to torture")] = 3,
    queue: Annotated[str, typer.Option(help="type of the queue: quorum or classic")] = "quorum",
    part: Annotated[
        str, typer.Option(help="one directed part instead (tracked, t3, t5, t6, …), or soak: everything")
    ] = "",
    times: Annotated[int | None, typer.Option(min=1, help="how often a part is done")] = None,
    json: Annotated[Path | None, typer.Option(help="write the results there as JSON")] = None,
) -> None:
    """Kill daemons, connections and servers by a seeded schedule, and account for every message afterwards."""
    from pgjobs.torture import runner

    code = runner.run(
        seed=seed, minutes=minutes, faults=faults, daemons=daemons, queue=queue, part=part, times=times, json=json
    )
    sys.exit(code)
