"""The commands that show something of jobs and change nothing."""

from __future__ import annotations

import asyncio
import sys
from typing import Annotated

import typer

from pgjobs.cli.arguments import Job, Json, JsonLines, OfType, number_of
from pgjobs.process import ready_settings

app = typer.Typer()


@app.command()
def jobs(
    status: Annotated[str | None, typer.Option(help="ready, in progress, canceled, done or error")] = None,
    type_: OfType = None,
    limit: Annotated[
        int | None,
        typer.Option(metavar="N", parser=number_of("--limit"), help="so many at most, up to 1000; left out: 100"),
    ] = None,
    before: Annotated[
        int | None, typer.Option(metavar="N", parser=number_of("--before"), help="the next page: jobs with a lower id")
    ] = None,
    json: Json = False,
) -> None:
    """List jobs, the newest first: how far each is, when it ends or has ended, and why it does not move."""
    from pgjobs.ops import looking, printed

    settings = ready_settings("database_url")
    printed.say(asyncio.run(looking.jobs(settings, status, type_, limit, before, as_json=json)))


@app.command()
def show(job: Job, json: Json = False) -> None:
    """Show a job: its progress, and everything that can be written."""
    from pgjobs.ops import looking, printed

    printed.say(asyncio.run(looking.job(ready_settings("database_url"), job, as_json=json)))


@app.command()
def why(job: Job, json: Json = False) -> None:
    """Say why a job does not move, and what to do."""
    from pgjobs.ops import explain, printed

    printed.say([asyncio.run(explain.why(ready_settings("database_url"), job, as_json=json))])


@app.command()
def eta(job: Job, json: Json = False) -> None:
    """Say when a job will be through, by its windows, its rate and its stop."""
    from pgjobs.ops import explain, printed

    printed.say([asyncio.run(explain.eta(ready_settings("database_url"), job, as_json=json))])


@app.command()
def plan(job: Job, json: Json = False) -> None:
    """Show in which intervals a job would run, and how fast."""
    from pgjobs.ops import explain, printed

    printed.say(asyncio.run(explain.plan(ready_settings("database_url"), job, as_json=json)))


@app.command()
def watch(job: Job, json: JsonLines = False) -> None:
    """Show the progress of a job until it ends."""
    from pgjobs.ops import watch as watching

    sys.exit(asyncio.run(watching.watch(ready_settings("database_url"), job, as_json=json)))


@app.command()
def log(
    job: Job,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="go on until the job ends")] = False,
    msisdn: Annotated[str | None, typer.Option(help="only the lines of this number")] = None,
    lines: Annotated[
        int | None, typer.Option("--lines", "-n", min=0, help="only the last lines; left out: all, with --follow 10")
    ] = None,
    shard: Annotated[int | None, typer.Option(min=0, help="only the lines of this shard")] = None,
    json: JsonLines = False,
) -> None:
    """Show the log of a job, as far as it is committed: a line for each record."""
    from pgjobs.ops import joblog

    wanted = joblog.Wanted(job, msisdn, lines, shard, follow, json)
    sys.exit(asyncio.run(joblog.show(ready_settings("database_url"), wanted)))


@app.command()
def outcomes(job: Job, json: Json = False) -> None:
    """Show what became of the records of a job, by reason."""
    from pgjobs.ops import looking, printed

    printed.say(asyncio.run(looking.outcomes(ready_settings("database_url"), job, as_json=json)))


@app.command()
def events(
    job: Job,
    limit: Annotated[
        int | None,
        typer.Option(metavar="N", parser=number_of("--limit"), help="so many at most, up to 1000; left out: 100"),
    ] = None,
    after: Annotated[
        int | None,
        typer.Option(metavar="N", parser=number_of("--after"), help="the next page: events with a higher id"),
    ] = None,
    json: Json = False,
) -> None:
    """Show what happened to a job, and by whom, the oldest first."""
    from pgjobs.ops import looking, printed

    printed.say(asyncio.run(looking.events(ready_settings("database_url"), job, limit, after, as_json=json)))


@app.command()
def items(
    job: Job,
    status: Annotated[
        str | None, typer.Option(help="Waiting, Started, Finished, Error, Fail or Stopped, as the page says")
    ] = None,
    target: Annotated[str | None, typer.Option(help="those with this text in their target")] = None,
    result: Annotated[str | None, typer.Option(help="those with this result")] = None,
    limit: Annotated[
        int | None,
        typer.Option(metavar="N", parser=number_of("--limit"), help="so many at most, up to 200; left out: 50"),
    ] = None,
    after: Annotated[
        int | None, typer.Option(metavar="N", parser=number_of("--after"), help="the next page: items behind this one")
    ] = None,
    json: Json = False,
) -> None:
    """Show the items of a tracked job by their keys, and what became of them."""
    from pgjobs.ops import looking, printed

    filters = looking.Filters(status, target, result, after, limit)
    printed.say(asyncio.run(looking.items(ready_settings("database_url"), job, filters, as_json=json)))


@app.command()
def tasks(
    limit: Annotated[int, typer.Option(min=1, max=1000, help="so many at most, up to 1000")] = 100,
    after: Annotated[
        int | None, typer.Option(metavar="N", parser=number_of("--after"), help="the next page: tasks with a higher id")
    ] = None,
    json: Json = False,
) -> None:
    """Show the recurring tasks, and when each makes its next job."""
    from pgjobs.ops import looking, printed

    printed.say(asyncio.run(looking.tasks(ready_settings("database_url"), limit, after or 0, as_json=json)))


@app.command()
def agents(json: Json = False) -> None:
    """Show the agents: who lives, what each works on, and how many messages it holds."""
    from pgjobs.ops import agents as shown
    from pgjobs.ops import printed

    printed.say(asyncio.run(shown.listed(ready_settings("database_url"), as_json=json)))


@app.command()
def top(
    every: Annotated[float, typer.Option(min=0.5, max=60, help="seconds between two looks")] = 2.0,
    once: Annotated[bool, typer.Option("--once", help="one snapshot, as where the output is no terminal")] = False,
    json: Annotated[bool, typer.Option("--json", help="one snapshot, as one JSON object")] = False,
) -> None:
    """Show running jobs, daemons and queues, live; q ends it."""
    from pgjobs.ops import top as overview

    sys.exit(asyncio.run(overview.show(ready_settings("database_url"), every, once=once, as_json=json)))
