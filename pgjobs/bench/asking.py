"""Clients of the benchmark: so many connections ask for the same paths again and again, and time each answer.

`python -m pgjobs.bench.asking PORT CLIENTS RATE PATH...`: RATE requests a second of all clients together, 0: as many
as they can; SIGTERM ends it. One line of JSON on stdout then: {"count", "seconds", "cpu", "failed", "millis"}.
"""

from __future__ import annotations

import asyncio
import json
import signal
import sys
import time

HOST = "127.0.0.1"


class Asking:
    """All clients together; each keeps its connection."""

    def __init__(self, port: int, clients: int, rate: float, paths: list[str]) -> None:
        self._port = port
        self._clients = clients
        self._rate = rate
        self._requests = [
            f"GET {path} HTTP/1.1\r\nHost: {HOST}:{port}\r\nAccept: application/json\r\n\r\n".encode() for path in paths
        ]
        self._asked = 0
        self.failed = 0
        self.seconds: list[float] = []

    async def run(self) -> None:
        """Ask until SIGTERM comes."""
        over = asyncio.Event()
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, over.set)
        began = time.monotonic()
        clients = [asyncio.create_task(self._client(number, began)) for number in range(self._clients)]
        print("ready", flush=True)
        await over.wait()
        for client in clients:
            client.cancel()
        await asyncio.gather(*clients, return_exceptions=True)

    async def _client(self, number: int, began: float) -> None:
        """One connection; with a rate, the clients take turns."""
        reader, writer = await asyncio.open_connection(HOST, self._port)
        turn = number
        while True:
            if self._rate:
                await asyncio.sleep(max(0.0, began + turn / self._rate - time.monotonic()))
                turn += self._clients
            request = self._requests[self._asked % len(self._requests)]
            self._asked += 1
            asked = time.monotonic()
            writer.write(request)
            head = await reader.readuntil(b"\r\n\r\n")
            length = next(
                int(line.split(b":")[1]) for line in head.lower().split(b"\r\n") if line.startswith(b"content-length")
            )
            await reader.readexactly(length)
            self.seconds.append(time.monotonic() - asked)
            if not head.startswith(b"HTTP/1.1 200 "):
                self.failed += 1


def main(port: str, clients: str, rate: str, *paths: str) -> None:
    """Ask, and say how it went."""
    asking = Asking(int(port), int(clients), float(rate), list(paths))
    began, cpu = time.monotonic(), time.process_time()
    asyncio.run(asking.run())
    answer = {
        "count": len(asking.seconds),
        "seconds": time.monotonic() - began,
        "cpu": time.process_time() - cpu,
        "failed": asking.failed,
        "millis": [1000 * each for each in asking.seconds],
    }
    print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
