"""Obey the pace of a job: how much of a window may be published, and when, as pgjobs.grant_records() decides it.

Nothing is remembered here that matters: whoever takes the shard next asks anew.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from pgjobs.broker.publisher import Publisher
from pgjobs.engine.lease import boot_seconds
from pgjobs.engine.shard import Shard
from pgjobs.engine.window import Window
from pgjobs.joblog.record import Refusal

TIMED_OUT = Refusal(b"timed_out")


class Pace:
    """What one run may publish; `pause_reading` closes the cursor of its records while it waits.

    `publisher`: who is asked how long the target queue is; None where there is none.
    """

    def __init__(self, shard: Shard, publisher: Publisher | None, pause_reading: Callable[[], Awaitable[None]]) -> None:
        self._shard = shard
        self._publisher = publisher
        self._pause_reading = pause_reading
        self._closing = False
        self._valid_until: float | None = None
        self._queue: str | None = None

    async def admit(self, window: Window) -> tuple[Window, Window | None] | None:
        """The part of a window that may be published now, and the rest; None: nothing of it, for the run ends."""
        lease = self._shard.lease
        while not self._closing and window.sendable and not lease.stopping:
            asked_at = boot_seconds()
            depth, seen = await self._backlog()
            grant = await self._shard.grant(len(window.sendable), depth, seen)
            self._queue = grant.queue
            match grant.verdict:
                case "stop":
                    lease.stop()
                case "wait":
                    lease.park(grant.pause, grant.reason)
                case "close":
                    self._closing = True
                case _:
                    self._valid_until = None if grant.valid is None else asked_at + grant.valid.total_seconds()
                    if grant.delay and not await self._waited(grant.delay.total_seconds()):
                        return None
                    if grant.at_most and not self.expired:
                        granted, rest = window.split(grant.at_most)
                        granted.backlog = depth
                        return granted, rest
        if lease.stopping:
            return None
        if self._closing:
            window.give_up(TIMED_OUT)
        return window, None

    async def _backlog(self) -> tuple[int, int] | tuple[None, None]:
        """How many messages lie ready in the target queue, and what had been published before they were counted."""
        if self._queue is None or self._publisher is None:
            return None, None
        seen = await self._shard.published_so_far()
        ready = await self._publisher.messages_ready(self._queue)
        self._publisher.metrics.note_backlog(self._shard.claim.type, ready)
        return ready, seen

    @property
    def expired(self) -> bool:
        """Whether what was granted may not be published any more: a window has closed, or the stop has come."""
        return self._valid_until is not None and boot_seconds() >= self._valid_until

    async def _waited(self, seconds: float) -> bool:
        """Wait, with no cursor open; False when the run is to end first."""
        await self._pause_reading()
        waiting = asyncio.ensure_future(asyncio.sleep(seconds))
        try:
            return await self._shard.lease.comes_within(waiting, seconds + 1.0) and not self._shard.lease.stopping
        finally:
            waiting.cancel()
