"""The ceiling: ready-made windows of frames from memory, through the engine's own publisher.

The same connection, confirms, windows in flight and joined writes as a job's, without database, log and checkpoint.
`python -m pgjobs.bench.ceiling QUEUE COUNT JOB`: bodies are the first ones of that job's selection.
"""

from __future__ import annotations

import asyncio
import itertools
import sys
import time
from collections import deque
from collections.abc import Iterator, Sequence

import psycopg

from pgjobs.bench.script import play
from pgjobs.broker.confirms import Flight
from pgjobs.broker.publisher import Publisher
from pgjobs.engine.run import IN_FLIGHT
from pgjobs.engine.selected import read_as_bytes
from pgjobs.joblog.record import CODE, Record
from pgjobs.metrics import Metrics
from pgjobs.settings import Settings, read_settings

WINDOWS = 10


class Ready:
    """A format whose frames were made beforehand."""

    def __init__(self, frames: bytes) -> None:
        self.ready = frames

    def frames(self, prefix: str, records: Sequence[Record], timestamp: int) -> bytes:  # noqa: ARG002 they are in it
        """The same bytes each time."""
        return self.ready


def bodies(settings: Settings, job_id: int) -> list[Record]:
    """Records of a job that are to be sent, enough for some windows."""
    with psycopg.connect(settings.database_url) as connection:
        found = connection.execute("select pgjobs.records_statement(%s, 0, null, null)", (job_id,)).fetchone()
        assert found is not None  # noqa: S101 a function call answers with a row
        read_as_bytes(connection)
        cursor = connection.cursor("ceiling", binary=True)
        cursor.execute(found[0].encode())
        wanted: Iterator[Record] = (record for record in cursor if CODE(record) is None)
        return list(itertools.islice(wanted, WINDOWS * settings.window))


async def publish(settings: Settings, queue: str, count: int, records: list[Record]) -> int:
    """Publish so many messages; returns how many were confirmed."""
    publisher = await Publisher.connect(settings.amqp_url, "pgjobs ceiling", Metrics(), settings.stall_seconds)
    form = publisher.format(exchange="", routing_key=queue, message_type="expired", headers={"x-job-id": 1})
    windows = []
    for start in range(0, len(records), settings.window):
        window = records[start : start + settings.window]
        frames = form.frames("1-", window, int(time.time()))
        windows.append((Ready(frames), window))

    async def tick() -> None:
        """Nothing else is to be done while waiting."""

    confirmed = 0
    loop = asyncio.get_running_loop()
    supply = itertools.cycle(windows)

    async def stream() -> int:
        nonlocal confirmed
        flights: deque[Flight] = deque()
        published = 0
        while published < count or flights:
            if published < count and len(flights) < IN_FLIGHT:
                ready, window = next(supply)
                flights.append(publisher.publish([(ready, window)], "1-"))
                published += len(window)
            else:
                await publisher.settle(flights[0], tick)
                flight = flights.popleft()
                confirmed += len(flight.keys) - len(flight.nacked)
        return confirmed

    await asyncio.to_thread(play, lambda: asyncio.run_coroutine_threadsafe(stream(), loop).result())
    publisher.close()
    await publisher.wait_closed()
    return confirmed


def main() -> None:
    """Play from the command line."""
    queue, count, job_id = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    settings = read_settings()
    asyncio.run(publish(settings, queue, count, bodies(settings, job_id)))


if __name__ == "__main__":
    main()
