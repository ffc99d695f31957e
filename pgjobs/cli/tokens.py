"""The commands of tokens: `pgjobs token add`, `list` and `drop`."""

from __future__ import annotations

import asyncio
from typing import Annotated

import typer

from pgjobs.cli.arguments import Json
from pgjobs.process import ready_settings

app = typer.Typer(help="Tokens for HTTP; needed if PGJOBS_HTTP_AUTH is true.", no_args_is_help=True)


@app.command("add")
def add_token(
    name: Annotated[str, typer.Argument(help="who will use it")],
    scope: Annotated[
        list[str],
        typer.Option(
            help="read: look only; control: change as well; DOOR:read or DOOR:control: at one door; page:read:"
            " the jobs page (again for more)"
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


@app.command("list")
def list_tokens(json: Json = False) -> None:
    """List the tokens by name, with their scope, when they were made and when they expire; never a token itself."""
    from pgjobs.ops import tokens

    for line in asyncio.run(tokens.listed(ready_settings("database_url"), as_json=json)) or ["there is no token"]:
        typer.echo(line)


@app.command("drop")
def drop_token(name: Annotated[str, typer.Argument(help="the name it was made with")]) -> None:
    """Lock a token out at once."""
    from pgjobs.ops import tokens

    asyncio.run(tokens.drop(ready_settings("database_url"), name))
    typer.echo(f"{name} is locked out")
