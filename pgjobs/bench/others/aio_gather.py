"""aio-pika: a thousand confirmed publishes gathered at a time, over a server-side cursor."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Iterator
from typing import Any

import aio_pika

from pgjobs.bench.others.charges import Task, charges, encoded, task
from pgjobs.bench.script import play

TOGETHER = 1000


async def publish(asked: Task, supply: Iterator[tuple[int, dict[str, Any]]]) -> int:
    """Publish everything; returns how many were confirmed."""
    connection = await aio_pika.connect(asked.amqp_url)
    published = 0
    async with connection:
        channel = await connection.channel(publisher_confirms=True)
        while some := list(itertools.islice(supply, TOGETHER)):
            messages = [
                aio_pika.Message(
                    encoded(event),
                    content_type="application/json",
                    delivery_mode=aio_pika.DeliveryMode.PERSISTENT,
                    message_id=str(key),
                    type="expired",
                )
                for key, event in some
            ]
            sending = (channel.default_exchange.publish(each, asked.queue, mandatory=True) for each in messages)
            published += len(await asyncio.gather(*sending))
    return published


def main() -> None:
    """Play from the command line."""
    asked = task()
    supply = charges(asked)
    play(lambda: asyncio.run(publish(asked, supply)))


if __name__ == "__main__":
    main()
