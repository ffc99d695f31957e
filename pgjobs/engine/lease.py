"""Time and trust of one shard: how long its lease certainly lasts, and whether its run has to come to an end.

The holder fences itself: it acts only while its last renewal is younger than most of the lease, by a clock that also
counts the time for which the machine was suspended. The database decides: what it does not answer has another owner.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any, NamedTuple

from pgjobs import failpoints as faults

TRUST = 0.7


class Orders(NamedTuple):
    """What the database wants of a run: to go on, to wait (be parked for `pause`, because of `reason`), or to stop.

    `paced`: something limits what may be published, and each window needs a grant.
    """

    verdict: str
    pause: timedelta | None = None
    reason: str | None = None
    paced: bool = False


class Parking(NamedTuple):
    """How a shard is to be given up for a while."""

    pause: timedelta
    reason: str


def boot_seconds() -> float:
    """Seconds of a clock that also runs while the machine is suspended."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)


class Lease:
    """The lease of one shard, while it runs; `renew` asks the database for it anew."""

    def __init__(self, seconds: float, claimed_at: float, renew: Callable[[], Awaitable[object]]) -> None:
        self.seconds = seconds
        self.lost: BaseException | None = None
        self.parking: Parking | None = None
        self.paced = False
        self._stopped = self._progressed = False
        self._yielding: Parking | None = None
        self._renew = renew
        self._renewed_at = claimed_at
        loop = asyncio.get_running_loop()
        self._ending: asyncio.Future[None] = loop.create_future()

    @property
    def stopping(self) -> bool:
        """Whether the run has to come to its end: nothing more is to be published."""
        return self._stopped or self.parking is not None

    def stop(self) -> None:
        """End the run now: the job was stopped, or the daemon ends."""
        self._stopped, self.parking = True, None
        self._end()

    def yield_place(self, reason: str) -> None:
        """End the run and park the shard, which is due again at once; at its first window, if it has none behind it.

        So every run gets something done, however often shards are asked for their places.
        """
        self._yielding = Parking(timedelta(0), reason)
        if self._progressed:
            self._park(self._yielding)

    def progressed(self) -> None:
        """A window of this run is accounted for."""
        self._progressed = True
        if self._yielding is not None:
            self._park(self._yielding)

    def _park(self, parking: Parking) -> None:
        if not self._stopped:
            self.parking = parking
            self._end()

    def obey(self, orders: Orders, asked_at: float | None) -> None:
        """Do what the database answered to a renewal sent at this moment; None: the lease was not renewed."""
        if asked_at is not None:
            self._renewed_at = max(self._renewed_at, asked_at)
        self.paced = orders.paced
        if orders.verdict == "stop":
            self.stop()
        elif orders.verdict == "wait":
            self.park(orders.pause, orders.reason)

    def park(self, pause: timedelta | None, reason: str | None) -> None:
        """End the run at its next checkpoint and park the shard."""
        self._park(Parking(pause or timedelta(0), reason or "it has to wait"))

    def lose(self, error: BaseException) -> None:
        """The shard has another owner, or nobody can say whose it is: the run ends with this error."""
        self.lost = self.lost or error
        self._end()

    async def ensure(self) -> None:
        """Return only if the shard is certainly ours; raise what says otherwise."""
        if self.lost is not None:
            raise self.lost
        if boot_seconds() - self._renewed_at > self.seconds * TRUST and not faults.armed(faults.NO_SELF_FENCE):
            await self._renew()

    async def outlasts(self, work: asyncio.Future[Any]) -> bool:
        """Wait for work that may take long; if the run is to end first, cancel the work and return False.

        If the lease is lost first, cancel the work and raise why.
        """
        end = self._ending
        try:
            while not (work.done() or end.done()):
                await asyncio.wait((work, end), timeout=self.seconds / 4, return_when=asyncio.FIRST_COMPLETED)
                if not (work.done() or end.done()):
                    await self.ensure()
        finally:
            if not work.done():
                work.cancel()
                await asyncio.wait((work,))
            cause = None if work.cancelled() else work.exception()
        if self.lost is not None:
            raise self.lost from (None if cause is self.lost else cause)
        return not work.cancelled()

    async def comes_within(self, work: asyncio.Future[Any], seconds: float) -> bool:
        """Whether work is done within so many seconds; the end of the run is not waited for."""
        if not work.done():
            await asyncio.wait((work, self._ending), timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        return work.done()

    def _end(self) -> None:
        if not self._ending.done():
            self._ending.set_result(None)
