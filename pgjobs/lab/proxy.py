"""A loopback TCP proxy in front of PostgreSQL or RabbitMQ that breaks connections in every way a network can.

It runs in a thread of its own and is told what to do by plain calls: `cut` resets, `cut_after` resets in the middle of
a frame, `stall` accepts and stays silent (a black hole), `lose` leaves the present connections silent for ever, `delay`
slows, `refuse` resets newcomers, `heal` ends all of it. Both servers wait for the client's first bytes, which are kept,
for they tell who is calling.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
import threading
import time
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Any, Literal, Self, TypeVar

CHUNK = 1 << 16
AT_ONCE = struct.pack("ii", 1, 0)  # linger for no time: closing sends RST
Way = Literal["up", "down"]
T = TypeVar("T")


@dataclass(frozen=True)
class Arrival:
    """A client that connected: when, and the first bytes it sent."""

    at: float
    greeting: bytes


class Proxy:
    """Forwards connections to `host`:`port` from a port of its own, `port`, on 127.0.0.1."""

    def __init__(self, host: str, port: int) -> None:
        self.arrivals: list[Arrival] = []
        self.port = 0
        self._upstream = (host, port)
        self._writers: set[asyncio.StreamWriter] = set()
        self._delay = 0.0
        self._refusing = False
        self._left: dict[Way, int | None] = {"up": None, "down": None}
        self._open = asyncio.Event()
        self._open.set()
        self._lost: list[asyncio.Event] = []  # nobody else holds those who wait there, and they are to stay
        self._server: asyncio.Server
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="proxy", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        self._server = self._run(asyncio.start_server(self._serve, "127.0.0.1", 0))
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    def __exit__(self, *_: object) -> None:
        self._run(self._end())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(5)
        self._loop.close()

    @property
    def connections(self) -> int:
        """How many clients are connected."""
        return len(self._writers) // 2

    def cut(self) -> int:
        """Reset every connection; how many there were."""
        return self._do(self._cut)

    def cut_after(self, count: int, way: Way = "up") -> None:
        """Reset the connection that carries the `count`-th byte from now on, right behind that byte."""
        self._do(lambda: self._left.update({way: count}))

    def stall(self) -> None:
        """Accept, and let nothing through: what is sent waits, as in a network that swallows packets."""
        self._do(self._open.clear)

    def lose(self) -> None:
        """Let the present connections die without a word, as a firewall does that forgets them; new ones work."""

        def forget() -> None:
            self._open.clear()
            self._lost.append(self._open)
            self._open = asyncio.Event()
            self._open.set()

        self._do(forget)

    def refuse(self) -> None:
        """Reset every connection and every newcomer, as a server that is down."""
        self._do(lambda: setattr(self, "_refusing", True))
        self.cut()

    def delay(self, seconds: float) -> None:
        """Hold up every chunk in either direction for so long."""
        self._do(lambda: setattr(self, "_delay", seconds))

    def heal(self, *, drop: bool = False) -> None:
        """Let everything through again; `drop` resets what was stalled, else it is delivered late."""

        def mend() -> None:
            self._refusing, self._delay = False, 0.0
            self._left = {"up": None, "down": None}
            if drop:
                self._cut()
            self._open.set()

        self._do(mend)

    def _do(self, action: Callable[[], T]) -> T:
        async def act() -> T:
            return action()

        return self._run(act())

    def _run(self, work: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(10)

    async def _end(self) -> None:
        self._server.close()
        self._open.set()
        self._cut()
        own = asyncio.current_task()
        while tasks := [task for task in asyncio.all_tasks() if task is not own]:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            await asyncio.sleep(0)  # transports close in the next round

    def _cut(self) -> int:
        count = len(self._writers) // 2
        for writer in list(self._writers):
            _reset(writer)
        return count

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        arrived, gate = time.monotonic(), self._open
        mine = [writer]
        self._writers.add(writer)
        end = _reset
        try:
            greeting = await reader.read(CHUNK)
            self.arrivals.append(Arrival(arrived, greeting))
            if self._refusing or not greeting:
                return
            await gate.wait()
            there, upstream = await asyncio.open_connection(*self._upstream)
            mine.append(upstream)
            self._writers.add(upstream)
            pumps = [
                asyncio.create_task(self._pump(gate, reader, upstream, "up", greeting)),
                asyncio.create_task(self._pump(gate, there, writer, "down")),
            ]
            try:
                done, _ = await asyncio.wait(pumps, return_when=asyncio.FIRST_COMPLETED)
                if all(pump.exception() is None for pump in done):
                    end = _close
            finally:
                for pump in pumps:
                    pump.cancel()
                await asyncio.gather(*pumps, return_exceptions=True)
        except OSError:
            pass  # the server is away: the client gets a reset
        except asyncio.CancelledError:
            pass  # the proxy ends; asyncio would complain about a handler that was canceled
        finally:
            for each in mine:
                self._writers.discard(each)
                end(each)

    async def _pump(
        self,
        gate: asyncio.Event,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        way: Way,
        data: bytes = b"",
    ) -> None:
        while data := data or await reader.read(CHUNK):
            await gate.wait()
            if self._delay:
                await asyncio.sleep(self._delay)
            left = self._left[way]
            if left is not None:
                self._left[way] = left - len(data) if left > len(data) else None
            writer.write(data if left is None else data[:left])
            await writer.drain()
            if left is not None and left <= len(data):
                await asyncio.sleep(0.01)  # a reset would overtake what was just written
                raise ConnectionResetError
            data = b""


def _reset(writer: asyncio.StreamWriter) -> None:
    end = writer.get_extra_info("socket")
    with contextlib.suppress(OSError):
        end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, AT_ONCE)
    writer.transport.abort()


def _close(writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError):
        writer.close()
