"""The commands of the monitoring; each prints a file of pgjobs.monitoring as it is."""

from __future__ import annotations

import typer

app = typer.Typer(help="Files for Prometheus and Grafana, printed as they are.", no_args_is_help=True)


@app.command()
def grafana() -> None:
    """Print a dashboard for Grafana, to be imported."""
    _print("grafana")


@app.command()
def alerts() -> None:
    """Print the alert rules for Prometheus."""
    _print("alerts")


@app.command()
def prometheus() -> None:
    """Print a configuration of Prometheus that reads the web process and all daemons."""
    _print("prometheus")


def _print(name: str) -> None:
    from pgjobs import monitoring

    typer.echo(monitoring.text(name), nl=False)
