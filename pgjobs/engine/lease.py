"""Ownership of a shard: a lease on the database's clock, renewed here, and the epoch in every write.

The holder fences itself: it acts only while its last renewal is younger than most of the lease, by a clock that also
counts the time for which the machine was suspended. The database decides: if it returns null, the shard has another
owner.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

from pgjobs import failpoints as faults
from pgjobs.engine.claim import Claim
from pgjobs.errors import Fenced
from pgjobs.pg import connection as db

TRUST = 0.7


def boot_seconds() -> float:
    """Seconds of a clock that also runs while the machine is suspended."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)


class Lease:
    """The ownership of one shard, while it runs."""

    def __init__(self, claim: Claim, seconds: float, claimed_at: float) -> None:
        self.lost: BaseException | None = None
        self._stopping = False
        self.over: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._wait_reason: str | None = None
        self._control: db.Connection | None = None
        self._key = (claim.job_id, claim.shard, claim.epoch)
        self._seconds = seconds
        self._renewed_at = claimed_at
        self._poked = asyncio.Event()

    @property
    def stopping(self) -> bool:
        """Whether the run has to come to its end: nothing more is to be published."""
        return self._stopping

    @stopping.setter
    def stopping(self, stopping: bool) -> None:
        self._stopping = stopping
        if stopping:
            self._end()

    def _end(self) -> None:
        if not self.over.done():
            self.over.set_result(None)

    def _lose(self, error: BaseException) -> None:
        self.lost = error
        self._end()

    async def outlasts(self, work: asyncio.Future[Any]) -> bool:
        """Wait for work that may take long; if the job is stopped first, cancel the work and return False.

        If the lease is lost first, cancel the work and raise the error that ended the lease.
        """
        try:
            await asyncio.wait((work, self.over), return_when=asyncio.FIRST_COMPLETED)
        finally:
            if not work.done():
                work.cancel()
                await asyncio.wait((work,))
        if self.lost is not None:
            raise self.lost from (None if work.cancelled() else work.exception())
        return not work.cancelled()

    @asynccontextmanager
    async def held_on(self, control: db.Connection) -> AsyncIterator[None]:
        """Keep the lease on this connection while the block runs."""
        self._control = control
        keeper = asyncio.create_task(self._keep())
        try:
            yield
        finally:
            keeper.cancel()
            await asyncio.wait((keeper,))

    def poke(self) -> None:
        """Renew now, because something about the job has changed."""
        self._poked.set()

    def set_wait_reason(self, reason: str | None) -> None:
        """Store at once why the shard is waiting, for pgjobs.why(); None clears it."""
        if reason != self._wait_reason:
            self._wait_reason = reason
            self.poke()

    async def ensure(self) -> None:
        """Return only if the shard is certainly ours; raise Fenced otherwise."""
        if self.lost is not None:
            raise self.lost
        if boot_seconds() - self._renewed_at > self._seconds * TRUST and not faults.armed(faults.NO_SELF_FENCE):
            await self.renew()

    async def renew(self, in_flight_to: int | None = None) -> None:
        """Renew, and announce how far will be published before the next checkpoint."""
        call = "select pgjobs.renew_lease(%s, %s, %s, %s, %s, %s)"
        await self._ask(call, *self._key, timedelta(seconds=self._seconds), in_flight_to, self._wait_reason)

    async def note_repeats(self, to_key: int) -> None:
        """Note that messages up to a key are published again, so that some may be there twice."""
        call = "select pgjobs.note_repeats(%s, %s, %s, %s, %s)"
        await self._ask(call, *self._key, timedelta(seconds=self._seconds), to_key)

    async def checkpoint(self, *progress: Any) -> None:
        """Store (last key, in flight to, sent, skipped, returned, outcomes, log bytes, chain, checks) of one window."""
        call = "select pgjobs.checkpoint_job(%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)"
        await self._ask(call, *self._key, timedelta(seconds=self._seconds), *progress)

    async def _ask(self, call: str, *args: Any) -> None:
        if self._control is None:
            raise RuntimeError("the lease is not held on a connection yet")
        faults.fail("sql")
        sent_at = boot_seconds()
        async with asyncio.timeout(self._seconds):
            answer = await db.value(self._control, call, *args)
        if answer is None:
            fenced = Fenced(f"job {self._key[0]}: another owner has taken shard {self._key[1]} over")
            self._lose(fenced)
            raise fenced
        self._renewed_at = sent_at
        if answer == "stop":
            self.stopping = True

    async def _keep(self) -> None:
        while self.lost is None:
            try:
                async with asyncio.timeout(self._seconds / 4):
                    await self._poked.wait()
            except TimeoutError:
                pass
            self._poked.clear()
            try:
                await self.renew()
            except Exception as error:  # noqa: BLE001 whatever it is, the run has to hear it and end
                self._lose(error)
