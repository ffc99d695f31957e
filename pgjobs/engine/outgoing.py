"""Publishes the messages of a shard and waits until the broker has confirmed or returned each of them.

While the broker accepts nothing, the reason is stored, an end of the run is obeyed, and no snapshot is held.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Awaitable, Callable
from functools import cached_property

from pgjobs.broker.confirms import Flight, in_words
from pgjobs.broker.formats.base import Format
from pgjobs.broker.publisher import Publisher
from pgjobs.engine.answerable import Answerable
from pgjobs.engine.shard import TELL_SECONDS, Shard
from pgjobs.engine.window import Window
from pgjobs.errors import ConfigurationError, Interrupted
from pgjobs.joblog.record import Record, Refusal, are_routed

NACKED = "the broker refuses messages (nack), they are published again"
TOO_LONG = 5.0
"""Seconds without a confirm after which a stop or a pause is obeyed at once, and the cursor is closed."""
ROUTE_SECONDS = 10.0
"""So long a route that was there counts as there at the start of a run."""
MAYBE_DUPLICATE = {"x-maybe-duplicate": True}


class Outgoing:
    """What one run publishes; `pause_reading` closes the cursor of its records. `attempt`: which one of its items."""

    def __init__(
        self, shard: Shard, publisher: Publisher, pause_reading: Callable[[], Awaitable[None]], attempt: int | None
    ) -> None:
        self._shard = shard
        self._claim = shard.claim
        self._attempt = attempt
        self._publisher = publisher
        self._pause_reading = pause_reading
        self._prefix = f"{shard.claim.job_id}-"
        self._waiting_since = 0.0
        self.answerable = Answerable(shard, publisher)
        """Whether somebody could take the answers."""

    async def look(self) -> bool:
        """Refuse a route that is missing; False: its answers would find no queue, and the run is to end."""
        await self.check_route()
        return await self.answerable.look()

    async def check_route(self, within: float = ROUTE_SECONDS) -> None:
        """Refuse a route that is missing; wait for one that is away."""
        claim = self._claim
        if claim.routing_key is None:
            raise ConfigurationError(f"job type {claim.type} has no routing_key in xmp_job_types")
        await self._publisher.check_route(claim.exchange, claim.routing_key, within)

    def publish(self, records: list[Record]) -> Flight:
        """Publish records; the ones that may have been sent before come first and are marked."""
        repeated = 0
        if self._claim.uncertain_to is not None:
            repeated = sum(1 for record in records if self._claim.maybe_sent(record[0]))
        parts = []
        if repeated:
            parts.append((self._marked, records[:repeated]))
        if repeated < len(records):
            parts.append((self._plain, records[repeated:]))
        return self._publisher.publish(parts, self._prefix)

    @cached_property
    def _plain(self) -> Format:
        return self._format({})

    @cached_property
    def _marked(self) -> Format:
        return self._format(MAYBE_DUPLICATE)

    def _format(self, marks: dict[str, bool]) -> Format:
        claim = self._claim
        return self._publisher.format(
            claim.format,
            options=claim.format_options,
            exchange=claim.exchange,
            routing_key=claim.routing_key,
            message_type=claim.type,
            headers={"x-job-id": claim.job_id, **marks},
            attempt=self._attempt,
            reply_to=claim.reply_queue if claim.tracked else None,
        )

    async def settle(self, windows: deque[Window]) -> None:
        """Wait until every message of the first window is confirmed or returned, and note the returned ones."""
        publisher, window = self._publisher, windows[0]
        if window.flight is None:
            return
        self._waiting_since = time.monotonic()
        await publisher.settle(window.flight, self._while_waiting)
        if window.flight.nacked:
            await self._publish_again(window.sendable, set(window.flight.nacked))
        publisher.forget_nacks()
        await self._shard.wait_because(None)
        returned = self._take_returned(window)
        # Where records have routing keys of their own, those that come back say nothing of the others.
        if returned and len(returned) == len(window.sendable) and not are_routed(window.sendable):
            await self._nothing_bound(windows, next(iter(returned.values())))
        if returned:
            await self._check_queue()
        window.returned |= returned

    async def _check_queue(self) -> None:
        """The default exchange returns a message only if its queue is unavailable (wait) or deleted (error)."""
        if not self._claim.exchange:
            await self.check_route(within=0)

    async def _publish_again(self, published: list[Record], nacked: set[int]) -> None:
        """Publish nacked messages again: one message after a pause; if it is confirmed, twice as many, and so on.

        A queue may keep a copy of each message that it refuses (reject-publish-dlx): this keeps the copies few.
        """
        waiting = [record for record in published if record[0] in nacked]
        await self._shard.note_repeats(waiting[-1][0])
        most = 1
        while waiting:
            await self._shard.wait_because(NACKED)
            if most == 1:
                await self._publisher.pause_after_nack(self._while_waiting)
            batch = waiting[:most]
            parts = [(self._marked, batch)]
            flight = self._publisher.publish(parts, self._prefix)
            await self._publisher.settle(flight, self._while_waiting)
            nacked = set(flight.nacked)
            if len(nacked) < len(batch):
                self._publisher.forget_nacks()
            waiting = [record for record in batch if record[0] in nacked] + waiting[most:]
            most = 1 if nacked else 2 * most

    async def _nothing_bound(self, windows: deque[Window], answer: Refusal) -> None:
        """A whole window was returned: the route leads to no queue, and what is in flight is returned as well."""
        for window in list(windows)[1:]:
            if window.flight is not None:
                await self._publisher.settle(window.flight, self._while_waiting)
                if len(self._publisher.take_returned(self._prefix, window.sendable, self._attempt)) < len(
                    window.sendable
                ):
                    break
        else:
            windows.clear()
        await self._check_queue()
        claim = self._claim
        what = f"no queue is bound to exchange {claim.exchange!r} with" if claim.exchange else "there is no queue for"
        raise ConfigurationError(f"{what} routing key {claim.routing_key!r}: {in_words(answer)}")

    def _take_returned(self, window: Window) -> dict[int, Refusal]:
        return self._publisher.take_returned(self._prefix, window.sendable, self._attempt)

    async def _while_waiting(self) -> None:
        """Called once a second while confirms are awaited: check the lease, store why nothing moves, obey an end."""
        publisher, shard, lease = self._publisher, self._shard, self._shard.lease
        await lease.ensure()
        if publisher.blocked_since is not None:
            seconds = int(time.monotonic() - publisher.blocked_since)
            await shard.wait_because(
                f"the broker is blocked: {publisher.blocked_reason}, for {seconds // 10 * 10} s or more"
            )
        elif publisher.nacking:
            await shard.wait_because(NACKED)
        elif publisher.silent_seconds > TELL_SECONDS:
            await shard.wait_because("the broker is connected and confirms nothing")
            if publisher.silent_seconds <= TOO_LONG:
                return
        else:
            return
        if lease.stopping:
            raise Interrupted("its run was ended while the broker took nothing: what is in flight is uncertain")
        if time.monotonic() - self._waiting_since > TOO_LONG:
            await self._pause_reading()
