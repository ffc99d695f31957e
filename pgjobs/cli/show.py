"""The commands that show something of jobs and change nothing."""

from __future__ import annotations

import asyncio
import sys
from typing import Annotated

import typer

from pgjobs.cli.arguments import Job
from pgjobs.process import ready_settings

app = typer.Typer()


@app.command()
def watch(job: Job) -> None:
    """Show the progress of a job until it ends."""
    from pgjobs.ops import watch as progress

    sys.exit(asyncio.run(progress.watch(ready_settings("database_url"), job)))


@app.command()
def why(job: Job) -> None:
    """Say why a job does not move, and what to do."""
    from pgjobs.ops import explain

    typer.echo(asyncio.run(explain.why(ready_settings("database_url"), job)))


@app.command()
def eta(job: Job) -> None:
    """Say when a job will be through, by its windows, its rate and its stop."""
    from pgjobs.ops import explain

    typer.echo(asyncio.run(explain.eta(ready_settings("database_url"), job)))


@app.command()
def plan(job: Job) -> None:
    """Show in which intervals a job would run, and how fast."""
    from pgjobs.ops import explain

    for line in asyncio.run(explain.plan(ready_settings("database_url"), job)):
        typer.echo(line)


@app.command()
def agents(json: Annotated[bool, typer.Option("--json", help="as one JSON array")] = False) -> None:
    """Show the agents: who lives, what each works on, and how many messages it holds."""
    from pgjobs.ops import agents as shown

    for line in asyncio.run(shown.listed(ready_settings("database_url"), as_json=json)):
        typer.echo(line)
