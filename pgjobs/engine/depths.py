"""How long the queues of the registered types are: measured now and then by the elected daemon, for people to see.

Nothing depends on it: what a max_backlog allows is measured by each run for itself.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any
from uuid import UUID

from psycopg.types.json import Jsonb

from pgjobs.broker.publisher import Publisher
from pgjobs.engine.connections import ConnectionPool
from pgjobs.errors import PgjobsError

DEPTHS_SECONDS = 15.0
"""A queue is measured as often as that."""
LOOK_SECONDS = 5.0
"""Seconds between two looks for queues that are to be measured."""


class Depths:
    """Asks the broker for queues by passive declarations, each on a channel of its own, one after another."""

    def __init__(self, pool: ConnectionPool, daemon: UUID, elected: Callable[[], bool]) -> None:
        self._pool = pool
        self._daemon = daemon
        self._elected = elected

    async def run(self, works: Callable[[], None]) -> None:
        """Measure as long as the database answers; a broker that does not is what is noted."""
        due = "select array(select pgjobs.queues_to_measure(%s, make_interval(secs => %s)))"
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            if self._elected() and (queues := await self._pool.control.value(due, self._daemon, DEPTHS_SECONDS)):
                measured = await self._measure(queues)
                await self._pool.control.row("select pgjobs.note_depths(%s)", (Jsonb(measured),))
            works()

    async def _measure(self, queues: list[str]) -> list[dict[str, Any]]:
        """What the broker says of each queue, or why it does not."""
        connections = await self._pool.take(publishing=False)
        healthy = False
        try:
            await connections.borrow()
            publisher = connections.publisher
            assert publisher is not None  # noqa: S101 it is connected
            found = [await _ask(publisher, queue) for queue in queues]
            healthy = True
        except PgjobsError as error:
            return [{"queue": queue, "trouble": error.sentence} for queue in queues]
        finally:
            await connections.give_back(healthy=healthy)
        return found


async def _ask(publisher: Publisher, queue: str) -> dict[str, Any]:
    if publisher.blocked:
        return {"queue": queue, "trouble": f"the broker is blocked: {publisher.blocked_reason}"}
    try:
        ready, consumers = await publisher.queue_state(queue)
    except PgjobsError as error:
        if not publisher.usable:
            raise
        return {"queue": queue, "trouble": error.sentence}
    return {"queue": queue, "ready": ready, "consumers": consumers}
