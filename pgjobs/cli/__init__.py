"""The command line: one short function per command; each imports what it needs and nothing else."""

from __future__ import annotations

import asyncio
import sys
from enum import Enum
from pathlib import Path
from typing import Annotated

import typer

from pgjobs import process
from pgjobs.cli import entities, mailings
from pgjobs.errors import SettingsError
from pgjobs.pg import hints
from pgjobs.process import ready_settings

app = typer.Typer(
    help="A bulk job engine on PostgreSQL and RabbitMQ: SQL decides, Python moves bytes.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
token_app = typer.Typer(help="Tokens for HTTP; needed if PGJOBS_HTTP_AUTH is true.", no_args_is_help=True)
app.add_typer(token_app, name="token")
app.add_typer(entities.app, name="entities")
app.command()(mailings.gateway)
app.add_typer(mailings.app, name="mailings")


Job = Annotated[int, typer.Argument(help="id of the job", max=2**63 - 1)]
"""Of a greater one PostgreSQL would say that there is no such function."""


class Which(Enum):
    """What of a job is sent again."""

    FAILED = "failed"
    TIMEOUT = "timeout"
    REFUSED = "refused"
    UNPROCESSED = "unprocessed"
    GOOD = "good"
    SENT = "sent"


def main() -> None:
    """Run a command; the exit code says how it ended."""
    hints.of_command(next(iter(sys.argv[1:]), ""))
    process.run(app, of_a_service=sys.argv[1:2] in (["daemon"], ["web"], ["gateway"]))


@app.command()
def migrate() -> None:
    """Bring the database to this version."""
    from pgjobs.pg import migrate as migrations

    done = migrations.migrate(ready_settings("database_url").database_url, tell=lambda line: typer.echo(line, err=True))
    for line in done:
        typer.echo(line)
    typer.echo("the database is up to date" if not done else f"{len(done)} applied")


@app.command()
def daemon() -> None:
    """Run the engine until SIGTERM."""
    from pgjobs.engine import service

    service.main()


@app.command()
def web() -> None:
    """Serve HTTP until SIGTERM."""
    from pgjobs.web import serve

    serve.run(ready_settings("database_url"))


@app.command()
def services() -> None:
    """Start an embedded PostgreSQL and a private RabbitMQ, print their URLs as export lines, wait for Ctrl-C."""
    from pgjobs.lab import services as private

    private.serve_forever()


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
def agents(json: Annotated[bool, typer.Option("--json", help="as one JSON array")] = False) -> None:
    """Show the agents: who lives, what each works on, and how many messages it holds."""
    from pgjobs.ops import agents as shown

    for line in asyncio.run(shown.listed(ready_settings("database_url"), as_json=json)):
        typer.echo(line)


@app.command()
def verify(job: Job) -> None:
    """Check a job's log, checkpoints, outcomes and counters against each other."""
    from pgjobs.joblog import verify as check

    sys.exit(asyncio.run(check.verify(ready_settings("database_url"), job)))


@app.command()
def doctor(
    live: Annotated[bool, typer.Option("--live", help="end with 1 where no daemon is alive as well")] = False,
) -> None:
    """Check everything a job needs, and say what to do about each finding."""
    from pgjobs.broker.url import check_broker_url
    from pgjobs.ops import doctor as checks

    settings = ready_settings("database_url", "amqp_url")
    check_broker_url(settings.amqp_url)
    sys.exit(asyncio.run(checks.examine(settings, live=live)))


@token_app.command("add")
def add_token(
    name: Annotated[str, typer.Argument(help="who will use it")],
    scope: Annotated[
        list[str],
        typer.Option(
            help="read: look only; control: change as well; DOOR:read or DOOR:control: at one door (again for more)"
        ),
    ],
    days: Annotated[
        int | None, typer.Option(min=1, max=36500, help="expires after so many days; default: never")
    ] = None,
    known: Annotated[
        list[str] | None, typer.Option("--set", help="NAME=VALUE: what doors tell of its holder, as org_name=…")
    ] = None,
) -> None:
    """Make a token for the HTTP doors and print it, this once."""
    from pgjobs.ops import tokens

    record = tokens.read_record(known)
    typer.echo(asyncio.run(tokens.add(ready_settings("database_url"), name, scope, days, record)))


@token_app.command("list")
def list_tokens() -> None:
    """List the tokens by name, with their scope, when they were made and when they expire; never a token itself."""
    from pgjobs.ops import tokens

    for line in asyncio.run(tokens.listed(ready_settings("database_url"))) or ["there is no token"]:
        typer.echo(line)


@token_app.command("drop")
def drop_token(name: Annotated[str, typer.Argument(help="the name it was made with")]) -> None:
    """Lock a token out at once."""
    from pgjobs.ops import tokens

    asyncio.run(tokens.drop(ready_settings("database_url"), name))
    typer.echo(f"{name} is locked out")


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
