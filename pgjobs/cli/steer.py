"""The commands that steer jobs."""

from __future__ import annotations

import asyncio
import sys
from enum import Enum
from typing import Annotated

import typer

from pgjobs.cli.arguments import Job, Jobs, Json, JsonLines, Type
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
def create(
    type_: Type,
    param: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME=VALUE", help="a parameter, again for more; a VALUE that is no JSON is a text"),
    ] = None,
    params: Annotated[str | None, typer.Option(metavar="JSON", help="all parameters as one JSON object")] = None,
    file: Annotated[str | None, typer.Option(help="name of a file in PGJOBS_INJECTIONS_DIR")] = None,
    run_at: Annotated[str | None, typer.Option(help="as in 2026-11-26T18:30:00Z; left out: now")] = None,
    stop_at: Annotated[str | None, typer.Option(help="from then on nothing is published")] = None,
    priority: Annotated[str | None, typer.Option(help="from 0 to 10; left out: 5")] = None,
    rate: Annotated[str | None, typer.Option(help="records per second; left out: as many as possible")] = None,
    shards: Annotated[str | None, typer.Option(help="from 1 to 64")] = None,
    name: Annotated[str | None, typer.Option(help="what people call it")] = None,
    user: Annotated[str | None, typer.Option(help="id_user: whose job it is")] = None,
    key: Annotated[str | None, typer.Option(help="idempotency key: a second job with it is refused")] = None,
    inactive: Annotated[bool, typer.Option("--inactive", help="hold it back until it is started")] = False,
    column: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="COLUMN=VALUE", help="any other column of xmp_jobs, again for more"),
    ] = None,
    wait: Annotated[bool, typer.Option("--wait", help="watch it until it ends; code 0 if it is done, else 1")] = False,
    json: Json = False,
) -> None:
    """Create a job; it runs as soon as its time has come, its window is open and a daemon has a place."""
    from pgjobs.ops import creating, printed, steering

    texts = {"type": type_, "file_name": file, "run_at": run_at, "stop_at": stop_at, "name": name}
    texts["idempotency_key"] = key
    values = {"priority": priority, "rate": rate, "shards": shards, "id_user": user}
    values |= {"params": creating.read_params(params, param), "active": "false" if inactive else None}
    columns = creating.read_columns(texts, values, column)
    settings = ready_settings("database_url")
    made = asyncio.run(creating.create(settings, columns))
    if not (wait and json):
        printed.say([printed.harmless(made) if json else steering.line_of(made)])
    if wait:
        from pgjobs.ops import waiting

        sys.exit(asyncio.run(waiting.wait(settings, creating.number_of(made), as_json=json)))


@app.command()
def start(jobs: Jobs, json: JsonLines = False) -> None:
    """Run jobs now that are ready."""
    _steer("start", jobs, as_json=json)


@app.command()
def stop(jobs: Jobs, json: JsonLines = False) -> None:
    """Stop jobs; what is in flight is confirmed and logged, and they can be resumed."""
    _steer("stop", jobs, as_json=json)


@app.command()
def pause(jobs: Jobs, json: JsonLines = False) -> None:
    """Hold jobs where they are; they keep their state."""
    _steer("pause", jobs, as_json=json)


@app.command()
def resume(jobs: Jobs, json: JsonLines = False) -> None:
    """Let jobs go on that are paused or held, were stopped, or broke off."""
    _steer("resume", jobs, as_json=json)


def _steer(verb: str, jobs: list[int], *, as_json: bool) -> None:
    from pgjobs.ops import steering

    sys.exit(asyncio.run(steering.steer(ready_settings("database_url"), verb, jobs, as_json=as_json)))


@app.command()
def retry(
    job: Job,
    which: Annotated[
        Which | None,
        typer.Option(help="which of its records; unprocessed: those never sent; left out: what failed, or was refused"),
    ] = None,
    json: Json = False,
) -> None:
    """Send again what failed in a tracked job, or what another one has kept as refused, as another job."""
    from pgjobs.ops import items, printed

    settings = ready_settings("database_url")
    printed.say([asyncio.run(items.retry(settings, job, which.value if which else None, as_json=json))])


@app.command()
def cancel(job: Job, json: Json = False) -> None:
    """Stop a job for good: its open items are closed, and nothing resumes it."""
    from pgjobs.ops import items, printed

    printed.say([asyncio.run(items.cancel(ready_settings("database_url"), job, as_json=json))])


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

    held = asyncio.run(switch.release(ready_settings("database_url")))
    typer.echo("every job goes on where it was" if held else "nothing was held")
