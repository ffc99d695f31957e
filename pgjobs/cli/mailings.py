"""The commands about mailings; each imports what it needs and nothing else."""

from __future__ import annotations

import asyncio
from datetime import datetime
from typing import Annotated

import typer

from pgjobs.cli.arguments import number_of
from pgjobs.errors import SettingsError
from pgjobs.process import ready_settings

app = typer.Typer(help="Reports and logs of mailings.", no_args_is_help=True)


@app.command()
def report(
    day: Annotated[
        datetime | None, typer.Option(formats=["%Y-%m-%d"], help="in UTC, as in 2026-11-25; left out: yesterday")
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="as one JSON object")] = False,
) -> None:
    """Show the statistics of a day: which mailings ran, and how many messages came to which end."""
    from pgjobs.ops import mailings

    settings = ready_settings("database_url")
    for line in asyncio.run(mailings.report(settings, day.date() if day else None, as_json=json)):
        typer.echo(line)


@app.command("log")
def show_log(
    mailing: Annotated[
        int | None, typer.Option(metavar="N", parser=number_of("--mailing"), help="id of a mailing")
    ] = None,
    message: Annotated[str, typer.Option(help="id of a message, as in 12-7")] = "",
    client: Annotated[
        int | None, typer.Option(metavar="N", parser=number_of("--client"), help="id of a client")
    ] = None,
) -> None:
    """Show all that is known of a mailing, of a message, or of the messages to a client, a JSON object a line."""
    from pgjobs.ops import mailings

    if (mailing is not None) + bool(message) + (client is not None) != 1:
        raise SettingsError(
            "give one of --mailing, --message and --client", "as in: pgjobs mailings log --message 12-7"
        )
    for line in asyncio.run(mailings.log(ready_settings("database_url"), mailing, message, client)):
        typer.echo(line)
