"""The command line: a module for each group of commands, one short function for each command.

A command imports what it needs when it runs, and nothing else.
"""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from pgjobs import __version__, process
from pgjobs.cli import entities, mailings, monitoring, proof, report, services, show, steer, tokens
from pgjobs.cli.sections import Sections, add
from pgjobs.errors import SettingsError
from pgjobs.pg import hints

app = typer.Typer(cls=Sections, no_args_is_help=True, rich_markup_mode=None, pretty_exceptions_enable=False)
add(app, "See", show.app)
add(app, "See", report.app)
add(app, "Steer", steer.app)
add(app, "Run", services.app)
add(app, "Manage", tokens.app, "token")
add(app, "Manage", entities.app, "entities")
add(app, "Manage", mailings.app, "mailings")
add(app, "Manage", monitoring.app, "monitoring")
add(app, "Prove", proof.app)


def _version(asked: bool) -> None:
    if asked:
        typer.echo(f"pgjobs {__version__}")
        raise typer.Exit


@app.callback()
def pgjobs(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version and exit.")
    ] = False,
) -> None:
    """A bulk job engine on PostgreSQL and RabbitMQ: SQL decides, Python moves bytes."""


def main() -> None:
    """Run a command; the exit code says how it ended."""
    hints.of_command(next(iter(sys.argv[1:]), ""))
    process.run(_run, of_a_service=sys.argv[1:2] in (["daemon"], ["web"], ["gateway"]))


def _run() -> None:
    for argument in sys.argv[1:]:
        if any("\ud800" <= sign <= "\udfff" for sign in argument):
            raise SettingsError(f"argument {argument!r} is not UTF-8", "write it in UTF-8, as the database has it")
    app(prog_name="pgjobs")
