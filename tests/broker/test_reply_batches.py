"""Answers are taken in batches that are bounded in number and in bytes."""

import asyncio
import itertools

from fix_broker import Drain

from pgjobs.broker.replies import BATCH_BYTES, ReplyConsumer
from pgjobs.lab.services import Services
from pgjobs.metrics import Metrics

LARGE = BATCH_BYTES // 4
BATCHES = [[LARGE, LARGE, LARGE, LARGE - 1, 1], [5, LARGE, LARGE, LARGE], [LARGE, 0]]


async def take(amqp_url: str, queue: str, number: int) -> list[list[int]]:
    """The sizes of so many answers, by batch."""
    consumer = await ReplyConsumer.connect(amqp_url, "test", Metrics(), 30)
    try:
        await consumer.consume([queue])
        batches: list[list[int]] = []
        while sum(map(len, batches)) < number:
            batch = await consumer.batch(number - sum(map(len, batches)), 30, 30)
            assert batch
            batches.append([len(delivery.body) for delivery in batch])
            consumer.acknowledge(batch)
        return batches
    finally:
        await consumer.close()


def test_a_batch_is_bounded_in_bytes(services: Services, queue: str) -> None:
    """However many answers lie ready, those of one batch have a megabyte together at most."""
    with Drain(services.amqp_url) as broker:
        for size in itertools.chain(*BATCHES):
            broker.channel.basic_publish("", queue, b"x" * size)
    assert BATCHES == asyncio.run(take(services.amqp_url, queue, sum(map(len, BATCHES))))


def test_a_batch_is_bounded_in_number(services: Services, queue: str) -> None:
    """A batch has as many answers as were asked for, at most."""
    with Drain(services.amqp_url) as broker:
        for _ in range(5):
            broker.channel.basic_publish("", queue, b"x")

    async def sizes() -> list[int]:
        consumer = await ReplyConsumer.connect(services.amqp_url, "test", Metrics(), 30)
        try:
            await consumer.consume([queue])
            return [len(await consumer.batch(most, 30, 30)) for most in (2, 2, 1)]
        finally:
            await consumer.close()

    assert [2, 2, 1] == asyncio.run(sizes())
