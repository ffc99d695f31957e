"""The places of a daemon: fills them with shards that are due, and makes room for more urgent ones when all are taken.

It sleeps until something happens or falls due. What is claimed is decided by the database, all free places in one call.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from uuid import UUID

from pgjobs.backoff import set_within
from pgjobs.engine import claim
from pgjobs.engine.claim import Claim
from pgjobs.engine.connections import BESIDE, ConnectionPool
from pgjobs.engine.lease import boot_seconds
from pgjobs.engine.shard import Shard
from pgjobs.metrics import Metrics
from pgjobs.pg import connection as db
from pgjobs.settings import Settings

logger = logging.getLogger(__name__)
EMPTY_PAUSE = 0.5
"""Seconds until the next look where something is due and could not be taken."""
AGAIN_PAUSE = 0.1
"""The same while no place is free, once after each hint: of two daemons that look at one moment, each may leave it to
the other."""
FULL_PAUSE = 1.0
"""The same later on, so that shards of equal priority take turns."""
GATHER_SECONDS = 0.02
"""So long a place stays free while more shards are due than there are places, so that one claim fills several."""


@dataclass
class Running:
    """A shard that the daemon runs."""

    shard: Shard
    task: asyncio.Task[None]


class Claims:
    """Claims for one daemon; `start` is called with each shard taken, and puts it into `running`."""

    def __init__(
        self,
        settings: Settings,
        metrics: Metrics,
        daemon_id: UUID,
        pool: ConnectionPool,
        running: dict[str, Running],
        start: Callable[[Claim, float], None],
    ) -> None:
        self._settings = settings
        self._metrics = metrics
        self._daemon_id = daemon_id
        self._pool = pool
        self._running = running
        self._start = start
        self._woken = asyncio.Event()
        self._hinted = True
        self._more = False
        self._make_room_at = 0.0
        self._ending = False
        self.sender: int | None = None
        """The server process that claims; what it announces is known here."""

    def wake(self) -> None:
        """Look now: something has happened that may make a shard due."""
        self._hinted = True
        self._woken.set()

    def free_place(self) -> None:
        """A run has ended: its place is free, and its shard may be due again."""
        self._woken.set()

    def end(self) -> None:
        """Claim nothing more."""
        self._ending = True
        self._woken.set()

    async def run(self, works: Callable[[], None]) -> None:
        """Claim what is due, then sleep until something happens or falls due."""
        url, heard = self._settings.database_url, True
        async with await db.connect(url, "claims", patience=self._settings.stall_seconds) as control:
            await db.check_schema(control)
            self.sender = control.info.backend_pid
            while not self._ending:
                self._woken.clear()
                hinted, self._hinted = self._hinted, False
                while self._places and await self._fill(control, heard=heard):
                    pass
                works()
                heard = await set_within(self._woken, await self._pause(control, hinted=hinted))
                if self._more and not self._hinted and self._places < self._settings.max_running // 4:
                    await asyncio.sleep(GATHER_SECONDS)

    async def _pause(self, control: db.Connection, *, hinted: bool) -> float:
        """How long to sleep; while no place is free, more urgent shards are looked for first, if some may be due."""
        full, now = not self._places, time.monotonic()
        if full and not hinted and now < self._make_room_at:
            return self._make_room_at - now
        if full and await self._make_room(control):
            self._woken.set()
            return 0.0
        due: float = await db.value(control, "select pgjobs.next_wakeup(%s)", self._settings.autostart)
        # What is due now and was not taken has to wait; what falls due later is taken on time.
        least = (AGAIN_PAUSE if hinted else FULL_PAUSE) if full else 0.0 if due else EMPTY_PAUSE
        pause = min(self._settings.poll_seconds, max(least, due))
        self._make_room_at = now + pause
        return pause

    @property
    def _places(self) -> int:
        """How many shards may be claimed: one that is to be parked ends its windows beside the one in its place."""
        most, running = self._settings.max_running, len(self._running)
        leaving = sum(each.shard.lease.parking is not None for each in self._running.values())
        return 0 if self._ending else max(0, most - running + min(leaving, BESIDE))

    async def _fill(self, control: db.Connection, *, heard: bool) -> bool:
        """Claim shards for all free places; False when no more are due."""
        places, claimed_at = self._places, boot_seconds()
        taken = await claim.take(
            control,
            self._daemon_id,
            list(self._running),
            autostart=self._settings.autostart,
            lease_seconds=self._settings.lease_seconds,
            places=places,
            broker=self._pool.broker_state(),
        )
        for each in taken:
            self._start(each, claimed_at)
        if not heard:
            self._metrics.jobs_found_by_poll.inc(len(taken))
        self._more = len(taken) == places
        if self._more:
            self._make_room_at = min(self._make_room_at, time.monotonic() + FULL_PAUSE)
        return self._more

    async def _make_room(self, control: db.Connection) -> bool:
        """Have shards end at their next window where more urgent ones are due; False when there are none."""
        settings = self._settings
        yields = await claim.choose_yields(
            control,
            self._daemon_id,
            list(self._running),
            autostart=settings.autostart,
            held_seconds=settings.segment_seconds,
        )
        for job_id, shard, reason in yields:
            running = self._running.get(f"{job_id}/{shard}")
            if running is not None:
                logger.info("job %s, shard %s: %s", job_id, shard, reason)
                running.shard.lease.yield_place(reason)
        return bool(yields)
