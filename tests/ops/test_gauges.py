"""Every gauge of a daemon follows the world: what makes it wrong is done, and it is right again."""

import asyncio
import logging
import uuid
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from fix_broker import Drain
from fix_daemon import Engine
from fix_services import soon_async

from pgjobs.broker.publisher import Publisher
from pgjobs.engine.connections import ConnectionPool
from pgjobs.errors import Interrupted
from pgjobs.lab.rabbitmq import PrivateBroker
from pgjobs.metrics import Metrics
from pgjobs.settings import read_settings


class Watched:
    """The connections of a daemon to a broker of the test's own, and their gauges."""

    def __init__(self, broker: PrivateBroker, caplog: pytest.LogCaptureFixture) -> None:
        self.broker = broker
        self._log = caplog
        caplog.set_level(logging.INFO, "pgjobs")
        self.metrics = Metrics()
        settings = read_settings(amqp_url=broker.url)
        self.pool = ConnectionPool(settings, self.metrics, uuid.uuid4())

    def gauge(self, name: str) -> float | None:
        """What the heartbeat would store now."""
        return self.metrics.registry.get_sample_value(f"pgjobs_broker_{name}")

    def told(self) -> list[tuple[str, str]]:
        """Level and words of each line of the daemon's log."""
        return [
            (record.levelname, record.getMessage()) for record in self._log.records if record.name.startswith("pgjobs.")
        ]

    async def becomes(self, connected: int, blocked: int) -> None:
        """Wait until both gauges say so."""
        assert await soon_async(lambda: (self.gauge("connected"), self.gauge("blocked")) == (connected, blocked))

    async def alarm(self, *publishers: Publisher) -> None:
        """The broker is low on memory, and each of these is blocked.

        An alarm concerns only who publishes once his connection has heard of it: so each of them goes on until then.
        """
        self.broker.ctl("set_vm_memory_high_watermark", "0.00001")

        def all_blocked() -> bool:
            for publisher in publishers:
                if not publisher.blocked:
                    form = publisher.format(exchange="amq.fanout", routing_key="x", message_type=None, headers={})
                    publisher.publish([(form, [(1, b"", None, None, b"x")])], "1-")
            return all(publisher.blocked for publisher in publishers)

        assert await soon_async(all_blocked)


BLOCKED = (
    "WARNING",
    "the broker is blocked: low on memory; nothing is published until its alarm ends (rabbitmqctl status)",
)
GONE = ("INFO", "the connection that the broker blocked is gone: the next one shows whether its alarm lasts")


async def lost(watched: Watched) -> None:
    """The broker dies, and comes back: each is told once, however often it was tried."""
    await watched.pool.publisher()
    await watched.becomes(1, 0)
    watched.broker.kill()
    await watched.becomes(0, 0)
    for _ in range(2):
        with pytest.raises(Interrupted):
            await watched.pool.publisher()
    watched.broker.start()
    watched.pool._retry_at = 0.0
    await watched.pool.publisher()
    await watched.becomes(1, 0)
    [(level, text), back] = watched.told()
    assert ("WARNING", "INFO", "the broker is reached again") == (level, *back)
    assert text.startswith("broker unreachable: ")
    assert text.endswith("; what publishes waits until it is reached (see that RabbitMQ runs, and PGJOBS_AMQP_URL)")


async def given_up_in_an_alarm(watched: Watched) -> None:
    """A run is stopped while an alarm of the broker lasts: its connection is dropped, and that is told."""
    publisher = await watched.pool.publisher()
    await watched.alarm(publisher)
    await watched.becomes(1, 1)
    watched.pool.drop(publisher)
    await watched.becomes(0, 0)
    assert [BLOCKED, GONE] == watched.told()


async def alarm_that_ends(watched: Watched) -> None:
    """An alarm of the broker comes and goes."""
    publisher = await watched.pool.publisher()
    await watched.alarm(publisher)
    await watched.becomes(1, 1)
    watched.broker.ctl("set_vm_memory_high_watermark", "0.4")
    await watched.becomes(1, 0)


async def alarm_is_told_once(watched: Watched) -> None:
    """The log says once that the broker is blocked, and why, and once that it is free, however many connections are."""
    publishers = [await watched.pool.publisher(), await watched.pool.publisher()]
    await watched.alarm(*publishers)
    watched.broker.ctl("set_vm_memory_high_watermark", "0.4")
    assert await soon_async(lambda: not any(publisher.blocked for publisher in publishers))
    assert [BLOCKED, ("INFO", "the broker is free again: its alarm has ended")] == watched.told()


async def lost_in_an_alarm(watched: Watched) -> None:
    """The broker dies while an alarm lasts: the log does not leave it at that it is blocked."""
    publishers = [await watched.pool.publisher(), await watched.pool.publisher()]
    await watched.alarm(*publishers)
    watched.broker.kill()
    await watched.becomes(0, 0)
    assert [BLOCKED, GONE] == watched.told()


@pytest.mark.parametrize("what", [lost, given_up_in_an_alarm, alarm_that_ends, lost_in_an_alarm, alarm_is_told_once])
def test_the_gauges_of_the_broker(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, what: Callable[[Watched], Awaitable[None]]
) -> None:
    """broker_connected and broker_blocked are what the connections are, whatever became of them; an alarm is told."""

    async def act() -> None:
        watched = Watched(broker, caplog)
        try:
            await what(watched)
        finally:
            await watched.pool.close()

    broker = PrivateBroker(tmp_path / "rabbitmq")
    try:
        broker.start()
        asyncio.run(act())
    finally:
        broker.discard()


def test_the_gauge_of_running_shards(engine: Engine) -> None:
    """running_shards is how many shards a daemon runs, and nothing again when they have ended."""
    sample = "(select pgjobs.measured(w.metrics, 'running_shards') from pgjobs.daemons w)"
    full = f"{engine.queue}-full"
    engine.add_retries(40)
    with Drain(engine.amqp_url) as broker:
        broker.channel.queue_declare(full, durable=True, arguments={"x-max-length": 5, "x-overflow": "reject-publish"})
        try:
            engine.set_route(full)
            engine.start()
            engine.wait_until(f"{sample} = 0")
            job = engine.add_job("expired")
            engine.wait_until(f"{sample} = 1")
            engine.set_status(job, "canceled")
            engine.wait_until(f"{sample} = 0")
        finally:
            broker.channel.queue_delete(full)
