"""The commands that steer jobs."""

from __future__ import annotations

import asyncio
from enum import Enum
from typing import Annotated

import typer

from pgjobs.cli.arguments import Job
from pgjobs.process import ready_settings

app = typer.Typer()


class Which(Enum):
    """What of a job is sent again."""

    FAILED = "failed"
    TIMEOUT = "timeout"
    REFUSED = "refused"
    UNPROCESSED = "unprocessed"
    GOOD = "good"
    SENT = "sent"


@app.command()
def retry(
    job: Job,
    which: Annotated[
        Which | None,
        typer.Option(help="which of its records; unprocessed: those never sent; left out: what failed, or was refused"),
    ] = None,
) -> None:
    """Send again what failed in a tracked job, or what another one has kept as refused, as another job."""
    from pgjobs.ops import items

    again, chosen = asyncio.run(items.retry(ready_settings("database_url"), job, which.value if which else None))
    typer.echo(f"job {again} sends again the records of job {job} that are: {chosen}")


@app.command()
def cancel(job: Job) -> None:
    """Stop a job for good: its open items are closed, and nothing resumes it."""
    from pgjobs.ops import items

    asyncio.run(items.cancel(ready_settings("database_url"), job))
    typer.echo(f"job {job} is cancelled for good")


@app.command()
def hold(reason: Annotated[str, typer.Argument(help="why: people will read it")]) -> None:
    """Hold all jobs at once, until they are released."""
    from pgjobs.ops import switch

    asyncio.run(switch.hold(ready_settings("database_url"), reason))
    typer.echo('nothing is published any more; "pgjobs release" lets every job go on where it was')


@app.command()
def release() -> None:
    """Let all jobs go on that were held."""
    from pgjobs.ops import switch

    asyncio.run(switch.release(ready_settings("database_url")))
    typer.echo("every job goes on where it was")
