"""The command line: a module for each group of commands, one short function for each command."""

from __future__ import annotations

import sys

import typer

from pgjobs import process
from pgjobs.cli import entities, mailings, monitoring, proof, report, services, show, steer, tokens
from pgjobs.pg import hints

app = typer.Typer(
    help="A bulk job engine on PostgreSQL and RabbitMQ: SQL decides, Python moves bytes.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
app.add_typer(show.app)
app.add_typer(steer.app)
app.add_typer(report.app)
app.add_typer(services.app)
app.add_typer(tokens.app, name="token")
app.add_typer(entities.app, name="entities")
app.add_typer(mailings.app, name="mailings")
app.add_typer(monitoring.app, name="monitoring")
app.add_typer(proof.app)


def main() -> None:
    """Run a command; the exit code says how it ended."""
    hints.of_command(next(iter(sys.argv[1:]), ""))
    process.run(app, of_a_service=sys.argv[1:2] in (["daemon"], ["web"], ["gateway"]))
