"""The run of a shard, told from top to bottom: open, read, publish, confirm, log, checkpoint, until nothing is left.

Two windows are in flight at most. While they are being confirmed the next one is read; it is encoded when it is
published (Outgoing.publish). How far may be published before the next checkpoint is stored before anything is
published, so that after a crash exactly this range is uncertain. The order within a window is fixed: confirm, append
to the log, fdatasync, checkpoint. If the broker confirms nothing, Publisher.settle raises Interrupted, and outcome.py
parks the shard.
"""

from __future__ import annotations

import asyncio
from collections import deque
from datetime import UTC, datetime

from pgjobs import failpoints as faults
from pgjobs.engine.connections import ShardConnections
from pgjobs.engine.context import RunContext
from pgjobs.engine.outgoing import Outgoing
from pgjobs.engine.pace import Pace
from pgjobs.engine.prepare import measured
from pgjobs.engine.records import Records, call_off
from pgjobs.engine.shard import Bounds, Position
from pgjobs.engine.window import Window
from pgjobs.errors import ConfigurationError, Poisoned
from pgjobs.joblog.format import LogFormat
from pgjobs.joblog.record import KEY
from pgjobs.joblog.rules import LogRules
from pgjobs.joblog.words import log_format
from pgjobs.joblog.writer import JobLog

IN_FLIGHT = 2
SOON = 1.0
"""Seconds for which windows in flight may wait for the next one to be read, so that one checkpoint can announce it."""


class ShardRun:
    """One claimed shard on its connections."""

    def __init__(self, context: RunContext, connections: ShardConnections) -> None:
        self.context = context
        self.shard = context.shard
        self.lease = context.lease
        self.connections = connections
        self.windows: deque[Window] = deque()
        self._announced: int | None = None
        self._attempt: int | None = None
        self._reading: asyncio.Future[Window | None] | None = None
        self._upcoming: Window | None = None
        self._unreadable: ConfigurationError | None = None
        self._broken_off = False
        self.answer: str | None = None
        """What finish_shard() has answered, where the last checkpoint has ended the shard as well."""
        self._outgoing: Outgoing | None = None
        self._pace: Pace | None = None
        self._format = LogFormat()

    @property
    def clean(self) -> bool:
        """Whether nothing is in flight."""
        return not self.windows

    async def run(self) -> bool:
        """Run until the selection is exhausted (True), or the job is stopped or has to wait (False)."""
        measuring = asyncio.ensure_future(measured(self.context, self.connections))
        if not await self.lease.outlasts(measuring):
            return False
        position, log = await self._open(measuring.result())
        try:
            return position.empty or await self._read_and_publish(position, log)
        finally:
            log.close()

    async def _open(self, bounds: Bounds | None) -> tuple[Position, JobLog]:
        """Where to go on, and the log."""
        claim, settings, rules = self.context.claim, self.context.settings, LogRules.of(self.context.settings)
        shard = f"-{claim.shard}" if claim.shard else ""
        stamp = datetime.now(UTC).strftime("%Y%m%dT%H%M%SZ")
        path = settings.log_dir / f"job-{claim.job_id}{shard}-{stamp}.log"
        # What is not published is never in flight.
        most = self.context.window if claim.publishes else 0
        position, segment = await self.shard.open(bounds, rules.host, path, most)
        self._announced = position.announced
        self._attempt = position.attempt
        if bounds is not None:
            faults.reach("after_prepare")
        self._format = await log_format(await self.connections.reader())
        log = await JobLog.open(self.shard.open_log, path, rules, segment)
        faults.reach("after_log_open")
        return position, log

    async def _read_and_publish(self, position: Position, log: JobLog) -> bool:
        records = Records(self.context, await self.connections.reader(), position)
        try:
            # Connections of an earlier run have a publisher; one that publishes nothing must not use it.
            if self.connections.publisher is not None and self.context.claim.publishes:
                self._outgoing = Outgoing(self.shard, self.connections.publisher, records.pause, position.attempt)
                checking = asyncio.ensure_future(self._outgoing.look())
                if not await self.shard.lasts_for(
                    checking, "it waits for the broker, which does not answer for its route"
                ):
                    return False
                if not checking.result():
                    return False
            if not self.context.claim.dry_run:
                self._pace = Pace(self.shard, self.connections.publisher if self._outgoing else None, records.pause)
            return await self._stream(records, log)
        except Poisoned as error:
            if window := self.context.suspicion.isolate(self.windows, error):
                self._upcoming = None
                await self._commit(window, log, last=False)
            raise
        finally:
            if self._outgoing is not None:
                self._outgoing.answerable.close()
            if self._reading is not None:
                await call_off(self._reading)
            await records.close()

    async def _stream(self, records: Records, log: JobLog) -> bool:
        self._read(records)
        most = 1 if self.context.suspicion.window else IN_FLIGHT
        while True:
            await self.lease.ensure()
            if self._reading is not None and (not self.windows or await self.lease.comes_within(self._reading, SOON)):
                await self._take(self._reading)
            if self._upcoming and not self.lease.stopping and len(self.windows) < (1 if self._paced else most):
                await self._advance(self._upcoming, records)
            elif self.windows:
                await self._settle()
                await self._commit(self.windows[0], log, last=self._at_the_end)
            elif self._unreadable is not None:
                raise self._unreadable
            else:
                return not self._upcoming and not self._broken_off

    def _read(self, records: Records) -> None:
        self._upcoming = None
        self._reading = asyncio.ensure_future(records.next())

    async def _take(self, reading: asyncio.Future[Window | None]) -> None:
        """Take over the next window; what makes it unreadable is told when all before it is accounted for."""
        try:
            if await self.lease.outlasts(reading):
                self._upcoming = reading.result()
            else:
                self._broken_off = True
        except ConfigurationError as error:
            self._unreadable = error
        self._reading = None

    @property
    def _paced(self) -> bool:
        return self.lease.paced and self._pace is not None

    async def _advance(self, window: Window, records: Records) -> None:
        """Send the next window, or as much of it as may be sent now; then the rest of it is the next one."""
        rest = None
        if self._pace is not None and self.lease.paced:
            admitted = await self._pace.admit(window)
            if admitted is None:
                return
            window, rest = admitted
        if await self._send(window):
            if rest is None:
                self._read(records)
            else:
                self._upcoming = rest

    async def _send(self, window: Window) -> bool:
        """Announce one window and publish it; False when the run turned out to be at its end."""
        if self._outgoing is None:
            self.windows.append(window)
            return True
        if not self._outgoing.answerable.may_send():
            return False
        if not self._is_announced(window.last_key):
            await self.shard.renew(window.last_key)
            faults.reach("after_announce")
            self._announced = window.last_key
            if self.lease.stopping:
                return False
        if self._pace is not None and self.lease.paced and self._pace.expired and window.sendable:
            return False
        self.windows.append(window)
        window.flight = self._outgoing.publish(window.sendable)
        faults.reach("after_publish")
        self.context.metrics.window_records.observe(len(window.records))
        return True

    def _is_announced(self, key: int) -> bool:
        """Whether it is stored already that records up to a key may be published."""
        to_key = self._announced
        return to_key is not None and (key >= to_key if self.context.claim.descending else key <= to_key)

    @property
    def _at_the_end(self) -> bool:
        """Whether nothing comes behind the one window in flight."""
        read = self._reading is None and self._upcoming is None and self._unreadable is None
        return read and len(self.windows) == 1 and not self._broken_off and not self.lease.stopping

    async def _settle(self) -> None:
        """Wait until all that the oldest window has published is confirmed or given back."""
        if self._outgoing is not None:
            await self._outgoing.settle(self.windows, lambda: self._at_the_end)
            faults.reach("after_confirm")

    async def _commit(self, window: Window, log: JobLog, *, last: bool) -> None:
        """Make a settled window count: its lines on disk, then its checkpoint, the last one with the end."""
        await log.append(self._format.lines(datetime.now(UTC), window.records, window.unfit | window.returned))

        last_sent = self.windows[-1].last_key
        # How far a paced run goes is known only when it has asked.
        ends_here = self.lease.stopping or self._upcoming is None or self._paced
        ahead = last_sent if ends_here or self._upcoming is None else self._upcoming.last_key
        in_flight_to = window.last_key if self._outgoing is None else ahead
        (sent, skipped, returned), outcomes = window.account()
        progress = {
            "after_key": window.last_key,
            "in_flight_to": in_flight_to,
            "sent": sent,
            "skipped": skipped,
            "returned": returned,
            "outcomes": outcomes,
            "log_bytes": log.committed,
            "chain": log.chain,
            "checks": log.checks,
            "confirm_ms": window.confirm_ms,
            "backlog": window.backlog,
        }
        if self.context.claim.tracked:
            keys = [KEY(record) for record in window.records] if (self._attempt or 1) > 1 else None
            await self.shard.checkpoint_items(window.unsent, keys, **progress)
        elif self.context.claim.keep_refused and (refused := window.refused):
            await self.shard.checkpoint_refused(refused, **progress)
        elif last:
            faults.reach("before_finish")
            self.answer = await self.shard.checkpoint_and_finish(**progress)
        else:
            await self.shard.checkpoint(**progress)
        faults.reach("after_checkpoint")
        self._announced = in_flight_to
        self.windows.popleft()
        claim = self.context.claim
        for action, code, n in outcomes:
            self.context.metrics.count_records(claim.type, action, code, n, dry_run=claim.dry_run)
