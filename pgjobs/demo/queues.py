"""The queues of the demo, and the sample registry with those of its types; what is there already is not to be used."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pika
import psycopg
from pika.exceptions import AMQPError, ChannelClosedByBroker

from pgjobs.lab.process import ServicesError
from pgjobs.lab.services import Services


@contextlib.contextmanager
def installed_registry(services: Services, database_url: str) -> Iterator[tuple[int, int]]:
    """The types of the sample registry and its agents, how many there are, and the queues of the types."""
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute((Path(__file__).parent / "sql" / "registry.sql").read_bytes())
        rows = connection.execute(
            "select routing_key, reply_queue from xmp_job_types where reply_queue = 'jobs.replies'"
        ).fetchall()
        known = connection.execute("select count(*) from pgjobs.agents where about is not null").fetchone()
    # Plain classic ones: a Celery worker is refused by any other.
    with declared(services, sorted({queue for row in rows for queue in row}), "classic"):
        yield len(rows), known[0] if known else 0


@contextlib.contextmanager
def declared(services: Services, queues: Iterable[str], kind: str = "quorum") -> Iterator[None]:
    """Durable queues, declared by whoever runs the broker: here, us."""
    made: list[str] = []
    arguments = {"x-queue-type": kind} if kind != "classic" else {}
    try:
        for queue in queues:
            if services.broker is None and _is_there(services.amqp_url, queue):
                raise ServicesError(
                    f"queue {queue!r} is there already, and what the demo sends to it could charge people",
                    "name another virtual host in PGJOBS_AMQP_URL, or unset it: the demo then starts an own RabbitMQ",
                )
            with _channel(services.amqp_url) as channel:
                channel.queue_declare(queue, durable=True, arguments=arguments)
            made.append(queue)
        yield
    finally:
        if services.broker is None and made:
            with contextlib.suppress(ServicesError), _channel(services.amqp_url) as channel:
                for queue in made:
                    channel.queue_delete(queue)


def _is_there(amqp_url: str, queue: str) -> bool:
    try:
        with _channel(amqp_url) as channel:
            channel.queue_declare(queue, passive=True)
    except ChannelClosedByBroker as error:
        if error.reply_code == 404:
            return False
        raise
    return True


@contextlib.contextmanager
def _channel(amqp_url: str) -> Iterator[pika.adapters.blocking_connection.BlockingChannel]:
    try:
        connection = pika.BlockingConnection(pika.URLParameters(amqp_url))
    except (AMQPError, OSError) as error:
        raise ServicesError(
            f"RabbitMQ at {place(amqp_url)} can't be reached: {error or type(error).__name__}",
            "check PGJOBS_AMQP_URL, or unset it: the demo then starts a private RabbitMQ",
        ) from error
    with contextlib.closing(connection):
        yield connection.channel()


def place(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.hostname}:{parts.port}" if parts.port else str(parts.hostname)
