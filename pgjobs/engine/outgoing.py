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
from pgjobs.joblog.record import ROUTING_KEY, Record, are_routed

NACKED = "the broker refuses messages (nack), they are published again"
TOO_LONG = 5.0
"""Seconds without a confirm after which a stop or a pause is obeyed at once, and the cursor is closed."""
ROUTE_SECONDS = 10.0
"""So long a route that was there counts as there at the start of a run."""
MANY = 100
"""So many different routing keys in a row that lead to no queue say that none of the job does."""
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
        self._astray: set[bytes | None] = set()
        """The routing keys of the windows that came back as a whole, one behind the other."""
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
        # What lies in a queue when the job stops is the consumer's: so it is told.
        until = {"x-stop-at": claim.stop_at} if claim.stop_at else {}
        return self._publisher.format(
            claim.format,
            options=claim.format_options,
            exchange=claim.exchange,
            routing_key=claim.routing_key,
            message_type=claim.type,
            headers={"x-job-id": claim.job_id, **until, **marks},
            attempt=self._attempt,
            reply_to=claim.reply_queue if claim.tracked else None,
        )

    async def settle(self, windows: deque[Window], at_the_end: Callable[[], bool]) -> None:
        """Wait until every message of the first window is confirmed or returned, and note the returned ones.

        `at_the_end`: whether no window comes behind it.
        """
        publisher, window = self._publisher, windows[0]
        if window.flight is None:
            return
        self._waiting_since = time.monotonic()
        await publisher.settle(window.flight, self._while_waiting)
        if window.flight.nacked:
            await self._publish_again(window.sendable, set(window.flight.nacked))
            window.flight.seconds = time.monotonic() - window.flight.written_at
        publisher.forget_nacks()
        await self._shard.wait_because(None)
        self._take_returned(window)
        if not _is_back(window):
            self._astray.clear()
        elif await self._leads_nowhere(windows, at_the_end):
            await self._check_queue()
            raise ConfigurationError(self._no_queue(window))
        if window.returned:
            await self._check_queue()

    async def _leads_nowhere(self, windows: deque[Window], at_the_end: Callable[[], bool]) -> bool:
        """Whether a whole window that came back says that the route leads to no queue; then nothing is in flight."""
        window = windows[0]
        routed = are_routed(window.sendable)
        if routed:
            # Keys of their own that lead nowhere say little of the others, unless they are many, or none has led to a
            # queue so far. A slow pace makes windows of few records.
            self._astray.update(map(ROUTING_KEY, window.sendable))
            few = len(self._astray) < MANY
            if few and ((self._shard.lease.paced and not at_the_end()) or await self._shard.anything_sent()):
                return False
        for other in list(windows)[1:]:
            if other.flight is not None:
                await self._publisher.settle(other.flight, self._while_waiting)
                self._take_returned(other)
                if not _is_back(other):
                    return not routed
        windows.clear()
        return True

    def _no_queue(self, window: Window) -> str:
        claim, (record, *_) = self._claim, window.sendable
        what = f"no queue is bound to exchange {claim.exchange!r} with" if claim.exchange else "there is no queue for"
        which = f"routing key {claim.routing_key!r}"
        if are_routed(window.sendable):
            key = ROUTING_KEY(record)
            which = f"any routing key of its records, such as {claim.routing_key if key is None else key.decode()!r}"
        return f"{what} {which}: {in_words(window.returned[record[0]])}"

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

    def _take_returned(self, window: Window) -> None:
        """Note which records of a window the broker gave back."""
        window.returned |= self._publisher.take_returned(self._prefix, window.sendable, self._attempt)

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


def _is_back(window: Window) -> bool:
    """Whether the broker gave back every message of a window that had some."""
    return bool(window.returned) and len(window.returned) == len(window.sendable)
