"""The commands of the services, and of whoever sets them up: each imports what it needs and nothing else."""

from __future__ import annotations

import asyncio
import os
import socket
import sys
from typing import Annotated

import typer

from pgjobs.cli.arguments import JsonLines
from pgjobs.process import ready_settings

app = typer.Typer()


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
def gateway(
    threads: Annotated[int, typer.Option(min=1, max=1000, help="calls of the gateway at a time")] = 16,
    job_type: Annotated[str, typer.Option("--type", help="type of the jobs whose messages it sends")] = "mailing",
    queue: Annotated[str, typer.Option(help="where these come to; made if it is missing")] = "mailings",
    replies: Annotated[str, typer.Option(help="where the answers go; made if it is missing")] = "mailing_replies",
) -> None:
    """Send the messages of mailings to an HTTP gateway until SIGTERM."""
    from pgjobs.agents import Agent
    from pgjobs.agents.gateway import Gateway, declare
    from pgjobs.broker.url import check_broker_url

    settings = ready_settings("amqp_url", "gateway_url", "gateway_token")
    check_broker_url(settings.amqp_url)
    called = Gateway(
        settings.gateway_url,
        settings.gateway_token,
        seconds=settings.gateway_timeout,
        numbers=settings.gateway_ids == "number",
    )
    name = f"gateway {socket.gethostname()}-{os.getpid()}"
    # A call that has begun may end.
    agent = Agent(
        settings.amqp_url,
        name,
        reply_queue=replies,
        threads=threads,
        drain_seconds=settings.gateway_timeout + 1,
        trouble=lambda: called.trouble,
    )
    agent.handles(job_type, queue=queue)(called.send)
    declare(settings.amqp_url, queue, replies)
    agent.run()


@app.command()
def doctor(
    live: Annotated[bool, typer.Option("--live", help="end with 1 where no daemon is alive as well")] = False,
    json: JsonLines = False,
) -> None:
    """Check everything a job needs, and say what to do about each finding."""
    from pgjobs.broker.url import check_broker_url
    from pgjobs.ops import doctor as checks

    settings = ready_settings("database_url", "amqp_url")
    check_broker_url(settings.amqp_url)
    sys.exit(asyncio.run(checks.examine(settings, live=live, as_json=json)))


@app.command()
def services() -> None:
    """Start an embedded PostgreSQL and a private RabbitMQ, print their URLs as export lines, wait for Ctrl-C."""
    from pgjobs.lab import services as private

    private.serve_forever()
