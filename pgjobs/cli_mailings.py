"""The commands about mailings; as in pgjobs.cli, each imports what it needs and nothing else."""

from __future__ import annotations

import os
import socket
from typing import Annotated

import typer

from pgjobs.process import ready_settings


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
        settings.amqp_url, name, reply_queue=replies, threads=threads, drain_seconds=settings.gateway_timeout + 1
    )
    agent.handles(job_type, queue=queue)(called.send)
    declare(settings.amqp_url, queue, replies)
    agent.run()
