"""Answers are taken in batches that are bounded in number and in bytes."""

import asyncio
import itertools

import pytest
from fix_broker import Drain
from fix_services import soon

from pgjobs.broker import replies
from pgjobs.broker.replies import BATCH_BYTES, Delivery, ReplyConsumer
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


@pytest.mark.parametrize("number", [1, 2, 3])
def test_what_is_kept_is_not_acknowledged(services: Services, queue: str, number: int) -> None:
    """Messages are acknowledged around those that are kept, which come again when the connection ends."""
    rounds = [((0, 1, 5, 3), (2, 4, 6)), ((4,), (2, 6)), ((2,), (6,))][:number]
    with Drain(services.amqp_url) as broker:
        for each in range(7):
            broker.channel.basic_publish("", queue, b"%d" % each)

    async def keep() -> None:
        consumer = await ReplyConsumer.connect(services.amqp_url, "test", Metrics(), 30)
        try:
            await consumer.consume([queue])
            taken = await consumer.batch(7, 30, 30)
            for done, kept in rounds:
                consumer.acknowledge([taken[n] for n in done], [taken[n] for n in kept])
        finally:
            await consumer.close()

    asyncio.run(keep())
    with Drain(services.amqp_url) as broker:
        assert soon(lambda: broker.depth(queue) == len(rounds[-1][1]))
        assert [b"%d" % n for n in rounds[-1][1]] == [body for _, body in broker.read(queue)]


def test_what_is_kept_leaves_room_for_others(services: Services, queue: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """However many messages are kept, up to a bound: those behind them in the queue are handed out."""
    monkeypatch.setattr(replies, "PREFETCH", 10)
    with Drain(services.amqp_url) as broker:
        for number in range(100):
            broker.channel.basic_publish("", queue, b"%d" % number)

    async def keep() -> list[bytes]:
        consumer = await ReplyConsumer.connect(services.amqp_url, "test", Metrics(), 30)
        try:
            await consumer.consume([queue])
            kept: list[Delivery] = []
            while len(kept) < 100:
                batch = await consumer.batch(100, 0.01, 60)
                assert batch, len(kept)
                kept += batch
                consumer.acknowledge([], kept)
            return [delivery.body for delivery in kept]
        finally:
            await consumer.close()

    assert [b"%d" % number for number in range(100)] == asyncio.run(keep())
