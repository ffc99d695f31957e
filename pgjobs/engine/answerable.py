"""Whether somebody could take the answers: where its reply queue is missing, a type that needs answers sends nothing.

The queue is asked for before the first message of a run, and again while it publishes. That holds nothing up: a broker
that takes no messages answers no question either.
"""

from __future__ import annotations

import asyncio
import time
from datetime import timedelta

from pgjobs.broker.publisher import Publisher
from pgjobs.engine.shard import Shard
from pgjobs.errors import ConfigurationError, Interrupted

LOOK_SECONDS = 5.0
"""How often it is asked for, while messages are published and while they wait for it."""


class Answerable:
    """The reply queue of one run; of a type that needs none nothing is ever asked."""

    def __init__(self, shard: Shard, publisher: Publisher) -> None:
        claim = shard.claim
        self._queue = claim.reply_queue if claim.tracked and claim.needs_replies else None
        self._lease = shard.lease
        self._publisher = publisher
        self._asked_at = 0.0
        self._asking: asyncio.Future[bool] | None = None

    async def look(self) -> bool:
        """Whether it is there, or nobody can say; if it is not, the run ends behind what is in flight."""
        if not self._queue:
            return True
        self._asked_at = time.monotonic()
        try:
            await self._publisher.check_route("", self._queue, LOOK_SECONDS)
        except ConfigurationError as error:
            self._lease.park(
                timedelta(seconds=LOOK_SECONDS),
                f"nothing is sent while nobody could take the answers: {error.sentence}: declare this reply queue, or"
                " mend reply_queue of its type; it goes on when the queue is there",
            )
            return False
        except Interrupted:
            return True  # what is wrong with the broker is found by whoever publishes
        return True

    def may_send(self) -> bool:
        """What is known of it now; where the last look was some time ago, another one begins."""
        if (
            self._queue
            and time.monotonic() - self._asked_at > LOOK_SECONDS
            and (self._asking is None or self._asking.done())
        ):
            self._asked_at = time.monotonic()
            self._asking = asyncio.ensure_future(self.look())
        return not self._lease.stopping

    def close(self) -> None:
        """Ask no more."""
        if self._asking is not None:
            self._asking.cancel()
