"""A connection to the broker leaves no socket open, however it ends and however soon its event loop ends after it."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from typing import Any
from uuid import uuid4

import psutil
import pytest

from pgjobs.agents.link import Link, parameters
from pgjobs.broker.publisher import Publisher
from pgjobs.broker.replies import ReplyConsumer
from pgjobs.engine.connections import ConnectionPool
from pgjobs.lab.proxy import Proxy
from pgjobs.lab.services import Services
from pgjobs.metrics import Metrics
from pgjobs.settings import read_settings
from pgjobs.torture.fleet import in_front_of, rerouted

MOST_STEPS = 1000
"""More than any connection takes."""


class Broker:
    """The broker behind a port of the test's own."""

    def __init__(self, services: Services, proxy: Proxy) -> None:
        self.proxy = proxy
        self.url = rerouted(services.amqp_url, proxy.port)

    def sockets(self) -> int:
        """How many sockets of this process lead to it."""
        ports = [getattr(each.raddr, "port", 0) for each in psutil.Process().net_connections("tcp")]
        return ports.count(self.proxy.port)

    async def publisher(self) -> Publisher:
        """A connection that publishes."""
        return await Publisher.connect(self.url, "test", Metrics(), 30)

    async def consumer(self) -> ReplyConsumer:
        """A connection that consumes."""
        return await ReplyConsumer.connect(self.url, "test", Metrics(), 30)

    def pool(self) -> ConnectionPool:
        """Connections as a daemon has them."""
        return ConnectionPool(read_settings(amqp_url=self.url), Metrics(), uuid4())


@pytest.fixture
def broker(services: Services) -> Iterator[Broker]:
    """The broker behind a proxy."""
    with in_front_of(services.amqp_url, 5672) as proxy:
        yield Broker(services, proxy)


def idle(_broker: Broker, _publisher: Publisher, _queue: str) -> None:
    """Nothing is under way."""


def in_flight(_broker: Broker, publisher: Publisher, queue: str) -> None:
    """A message is in flight."""
    form = publisher.format(exchange="", routing_key=queue, message_type=None, headers={})
    publisher.publish([(form, [(1, b"", None, None, b"x")])], "1-")


def mute(broker: Broker, _publisher: Publisher, _queue: str) -> None:
    """The broker says nothing any more."""
    broker.proxy.lose()


@pytest.mark.parametrize("state", [idle, in_flight, mute])
def test_a_daemon_that_ends_closes_its_connections(
    broker: Broker, queue: str, state: Callable[[Broker, Publisher, str], None]
) -> None:
    """What a daemon has opened is closed when its pool is, although the loop ends at once: in use or dropped, with and
    without messages in flight, and with a broker that does not answer."""

    async def act() -> None:
        pool = broker.pool()
        publishers = [await pool.publisher() for _ in range(3)]
        assert 3 == broker.sockets()
        for publisher in publishers:
            state(broker, publisher, queue)
        pool.drop(publishers[0])
        await pool.close()
        assert 0 == broker.sockets()

    asyncio.run(act())


class Stepping(asyncio.SelectorEventLoop):
    """An event loop that cancels a task at one of its steps: before a callback is scheduled, or a socket watched."""

    def __init__(self, at: int) -> None:
        super().__init__()
        self.task: asyncio.Task[Any] | None = None
        self._left = at
        for name in ("call_soon", "call_soon_threadsafe", "add_reader", "add_writer"):
            setattr(self, name, self._counted(getattr(self, name)))

    def _counted(self, method: Callable[..., Any]) -> Callable[..., Any]:
        def call(*args: Any, **more: Any) -> Any:
            self._step()
            return method(*args, **more)

        return call

    def _step(self) -> None:
        if self.task is not None:
            self._left -= 1
            if self._left == 0:
                self.task.cancel()


@pytest.mark.parametrize("kind", [Broker.publisher, Broker.consumer])
def test_a_connection_cancelled_at_any_step_leaves_no_socket(
    broker: Broker, kind: Callable[[Broker], Awaitable[Publisher | ReplyConsumer]]
) -> None:
    """Opening and closing a connection is cancelled at each step of the loop in turn, and the loop ends at once: no
    socket is left."""

    async def live() -> None:
        made = await kind(broker)
        made.connection.close()
        await made.connection.wait_closed()

    async def act(loop: Stepping) -> bool:
        loop.task = task = asyncio.create_task(live())
        await asyncio.wait((task,))
        loop.task = None
        return task.cancelled()

    for at in range(1, MOST_STEPS):
        loop = Stepping(at)
        with asyncio.Runner(loop_factory=lambda made=loop: made) as runner:  # type: ignore[misc]
            cancelled = runner.run(act(loop))
        assert 0 == broker.sockets(), f"step {at}"
        if not cancelled:
            break
    assert 10 < at < MOST_STEPS - 1


def test_a_run_that_ends_while_it_connects_leaves_no_connection(broker: Broker) -> None:
    """A connection that came about when nobody waited for it any more is given back with all others of its run."""

    async def act() -> None:
        pool = broker.pool()
        connections = await pool.take(publishing=True)
        connecting = asyncio.create_task(connections.connect())
        await asyncio.wait((connecting,))
        await connections.give_back(healthy=False)
        assert set() == pool._broker.publishers
        await pool.close()
        assert 0 == broker.sockets()

    asyncio.run(act())


def test_an_agent_that_is_cut_off_while_it_closes_leaves_no_socket(broker: Broker) -> None:
    """An agent waits for the answer of a broker that says nothing, and its event loop ends meanwhile."""

    async def act() -> None:
        link = Link()
        await link.open(parameters(broker.url, "test"), 1)
        broker.proxy.lose()
        asyncio.get_running_loop().call_soon(asyncio.create_task, link.close())
        await asyncio.sleep(0)  # one turn of the loop, in which the closing begins
        assert 1 == broker.sockets()

    asyncio.run(act())
    assert 0 == broker.sockets()
