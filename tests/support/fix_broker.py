"""Fixtures: a durable queue of the test's own, and a reader that drains a queue completely."""

import contextlib
import uuid
from collections.abc import Iterator
from typing import Self

import pika
import pytest
from pika import BasicProperties

from pgjobs.lab.services import Services


class Drain:
    """Reads a queue until the broker says that it is empty; no waiting decides."""

    def __init__(self, amqp_url: str) -> None:
        self._connection = pika.BlockingConnection(pika.URLParameters(amqp_url))
        self.channel = self._connection.channel()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        # A test that kills the broker leaves nothing to close.
        with contextlib.suppress(pika.exceptions.AMQPError):
            self._connection.close()

    def depth(self, queue: str) -> int:
        """Count the messages that are ready."""
        return int(self.channel.queue_declare(queue, passive=True).method.message_count)

    def read(self, queue: str) -> list[tuple[BasicProperties, bytes]]:
        """Take every message off `queue`, in its order."""
        messages: list[tuple[BasicProperties, bytes]] = []
        while True:
            method, properties, body = self.channel.basic_get(queue, auto_ack=True)
            if method is None:
                return messages
            messages.append((properties, body))


@pytest.fixture
def drain(services: Services) -> Iterator[Drain]:
    """A connected reader."""
    with Drain(services.amqp_url) as reader:
        yield reader


@pytest.fixture
def queue(services: Services) -> Iterator[str]:
    """The name of a durable classic queue, bound to nothing but the default exchange."""
    name = f"pgjobs-test-{uuid.uuid4().hex[:12]}"
    with Drain(services.amqp_url) as broker:
        broker.channel.queue_declare(name, durable=True, arguments={"x-queue-type": "classic"})
    try:
        yield name
    finally:
        with Drain(services.amqp_url) as broker:
            broker.channel.queue_delete(name)
