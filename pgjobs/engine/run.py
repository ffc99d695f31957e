"""The run of a shard, told from top to bottom: open, read, publish, confirm, log, checkpoint, until nothing is left.

Two windows are in flight at most. While they are being confirmed the next one is read and encoded; how far may be
published before the next checkpoint is stored before it is published, so that after a crash exactly that range is
uncertain. The order within a window is fixed: confirm, append to the log, fdatasync, checkpoint.
"""

from __future__ import annotations

import time
from collections import deque
from datetime import UTC, datetime

from psycopg.types.json import Jsonb

from pgjobs import faults
from pgjobs.engine.amqp import MAX_BODY, Publisher
from pgjobs.engine.claim import Claim
from pgjobs.engine.encode import Envelope, Record, log_lines
from pgjobs.engine.joblog import JobLog
from pgjobs.engine.lanes import Lane
from pgjobs.engine.lease import Lease
from pgjobs.engine.poison import Suspicion
from pgjobs.engine.prepare import prepare
from pgjobs.engine.records import Records
from pgjobs.engine.window import Window
from pgjobs.errors import ConfigurationError, Interrupted, Poisoned
from pgjobs.metrics import Metrics
from pgjobs.settings import Settings

IN_FLIGHT = 2
NACKED = "the broker refuses messages (nack), they are published again"
TOO_LONG = 5.0
"""Seconds without an answer after which it is said, and no snapshot is held for it."""


class ShardRun:
    """One claimed shard on one lane."""

    def __init__(
        self, claim: Claim, lane: Lane, lease: Lease, settings: Settings, metrics: Metrics, suspicion: Suspicion
    ) -> None:
        self.claim = claim
        self.lane = lane
        # A lane that was used before has a publisher; a dry run must not see it.
        self.publisher = None if claim.dry_run else lane.publisher
        self.lease = lease
        self.settings = settings
        self.metrics = metrics
        self.suspicion = suspicion
        self.windows: deque[Window] = deque()
        self._announced: int | None = None
        self._waiting_since = 0.0
        self._prefix = f"{claim.job_id}-"

    @property
    def clean(self) -> bool:
        """Whether nothing is in flight."""
        return not self.windows

    async def run(self) -> bool:
        """Run until the selection is exhausted (True) or the job was stopped (False)."""
        claim = self.claim
        position = await prepare(claim, self.lane, self.settings)
        log = await self._open_log()
        faults.reach("after_log_open")
        try:
            if position is None:
                return True
            if self.publisher is not None:
                if not claim.routing_key:
                    raise ConfigurationError(f"job type {claim.type} has no routing_key in xmp_job_types")
                await self.publisher.check_route(claim.exchange, claim.routing_key)
            records = Records(
                self.lane.reader,
                self.metrics,
                job_id=claim.job_id,
                shard=claim.shard,
                position=position,
                window=self.suspicion.window or self.settings.window,
                segment_seconds=self.settings.segment_seconds,
                patience=5 * self.settings.stall_seconds,
            )
            try:
                return await self._stream(records, log)
            except Poisoned as error:
                if window := self.suspicion.isolate(self.windows, error):
                    await self._commit(window, log, [])
                raise
            finally:
                await records.close()
        finally:
            log.close()

    async def _open_log(self) -> JobLog:
        claim = self.claim
        shard = f"-{claim.shard}" if claim.shard else ""
        stamp = datetime.now(UTC).strftime("%Y%m%dT%H%M%SZ")
        path = self.settings.log_dir / f"job-{claim.job_id}{shard}-{stamp}.log"
        return await JobLog.open(self.lane.control, claim.job_id, claim.shard, claim.epoch, path)

    async def _stream(self, records: Records, log: JobLog) -> bool:
        upcoming, unreadable = await self._next(records)
        most = 1 if self.suspicion.window else IN_FLIGHT
        while True:
            await self.lease.ensure()
            if upcoming and not self.lease.stopping and len(self.windows) < most:
                if await self._send(upcoming):
                    upcoming, unreadable = await self._next(records)
            elif self.windows:
                await self._settle(self.windows[0], records)
                await self._commit(self.windows[0], log, upcoming)
            elif unreadable is not None:
                raise unreadable
            else:
                return not upcoming

    @staticmethod
    async def _next(records: Records) -> tuple[list[Record], ConfigurationError | None]:
        """The next window; what makes it unreadable is told when all before it is accounted for."""
        try:
            return await records.next(), None
        except ConfigurationError as error:
            return [], error

    async def _send(self, records: list[Record]) -> bool:
        """Announce one window and publish it; False when the job turned out to be stopped."""
        publisher = self.publisher
        wanted = [record for record in records if record[2] is None]
        refused = {key: _unfit(body) for key, _, _, body in wanted if not body or len(body) > MAX_BODY}
        if publisher is None:
            self.windows.append(Window(records, [], None, refused))
            return True
        if self._announced != records[-1][0]:
            await self.lease.renew(records[-1][0])
            faults.reach("after_announce")
            self._announced = records[-1][0]
            if self.lease.stopping:
                return False
        if refused:
            wanted = [record for record in wanted if record[0] not in refused]
        window = Window(records, wanted, None, refused)
        self.windows.append(window)
        window.flight = publisher.publish(self._enveloped(publisher, wanted), self._prefix)
        faults.reach("after_publish")
        self.metrics.window_records.observe(len(records))
        return True

    def _enveloped(self, publisher: Publisher, records: list[Record]) -> list[tuple[Envelope, list[Record]]]:
        """Records with their envelopes: those that may have been sent before come first, and are marked."""
        repeated = 0
        if self.claim.uncertain_to is not None:
            repeated = sum(1 for record in records if self.claim.maybe_sent(record[0]))
        claim = self.claim
        parts = []
        for part, marks in ((records[:repeated], {"x-maybe-duplicate": True}), (records[repeated:], {})):
            if part:
                envelope = publisher.envelope(
                    exchange=claim.exchange,
                    routing_key=claim.routing_key,
                    app_id="pgjobs",
                    message_type=claim.type,
                    headers={"x-job-id": claim.job_id, **marks},
                    timestamp=int(datetime.now(UTC).timestamp()),
                )
                parts.append((envelope, part))
        return parts

    async def _settle(self, window: Window, records: Records) -> None:
        """Wait until the broker has answered for every message of a window, and note what it gave back."""
        publisher, flight = self.publisher, window.flight
        if publisher is None or flight is None:
            return
        self._waiting_since = time.monotonic()
        await publisher.settle(flight, lambda: self._while_waiting(publisher, records))
        while flight.nacked:
            nacked = set(flight.nacked)
            again = [record for record in window.published if record[0] in nacked]
            self.lease.say(NACKED)
            flight = await publisher.publish_again(
                self._enveloped(publisher, again),
                self._prefix,
                lambda: self._while_waiting(publisher, records),
            )
        publisher.forget_nacks()
        self.lease.say(None)
        given_back = publisher.take_returned(self._prefix, window.published)
        if window.published and len(given_back) == len(window.published):
            await self._nothing_bound(publisher, records, next(iter(given_back.values())))
        window.refused |= given_back
        faults.reach("after_confirm")

    async def _nothing_bound(self, publisher: Publisher, records: Records, answer: str) -> None:
        """A whole window came back: the route leads nowhere, and what is in flight came back as well."""
        for window in list(self.windows)[1:]:
            if window.flight is not None:
                await publisher.settle(window.flight, lambda: self._while_waiting(publisher, records))
                if len(publisher.take_returned(self._prefix, window.published)) < len(window.published):
                    break
        else:
            self.windows.clear()
        claim = self.claim
        what = f"no queue is bound to exchange {claim.exchange!r} with" if claim.exchange else "there is no queue for"
        raise ConfigurationError(f"{what} routing key {claim.routing_key!r}: {answer}")

    async def _while_waiting(self, publisher: Publisher, records: Records) -> None:
        """Once a second while confirms are awaited: keep the lease honest, hold no snapshot for nothing."""
        await self.lease.ensure()
        if publisher.blocked_since is not None:
            seconds = int(time.monotonic() - publisher.blocked_since)
            self.lease.say(f"the broker is blocked: {publisher.blocked_reason}, for {seconds // 10 * 10} s or more")
        elif publisher.nacking:
            self.lease.say(NACKED)
        elif publisher.silent_seconds > TOO_LONG:
            self.lease.say("the broker is connected and confirms nothing")
        else:
            return
        if self.lease.stopping:
            raise Interrupted("stopped while the broker took nothing: what is in flight is uncertain")
        if time.monotonic() - self._waiting_since > TOO_LONG:
            await records.pause()

    async def _commit(self, window: Window, log: JobLog, upcoming: list[Record]) -> None:
        """Make a settled window count: its lines on disk, then its checkpoint."""
        await log.append(log_lines(datetime.now(UTC), window.records, window.refused))

        last_sent = self.windows[-1].last_key
        ahead = last_sent if self.lease.stopping or not upcoming else upcoming[-1][0]
        in_flight_to = window.last_key if self.publisher is None else ahead
        counts, outcomes = window.account()
        progress = (window.last_key, in_flight_to, *counts, Jsonb(outcomes))
        await self.lease.checkpoint(*progress, log.committed, log.chain, log.checks)
        faults.reach("after_checkpoint")
        self._announced = in_flight_to
        self.windows.popleft()
        for action, _reason, n in outcomes:
            self.metrics.records.labels(type=self.claim.type, action=action).inc(n)


def _unfit(body: bytes | None) -> str:
    return f"Message too large, {len(body)} bytes" if body else "Message is empty"
