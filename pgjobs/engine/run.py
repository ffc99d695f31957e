"""The run of a shard, told from top to bottom: open, read, publish, confirm, log, checkpoint, until nothing is left.

Two windows are in flight at most. While they are being confirmed the next one is read and encoded; how far may be
published before the next checkpoint is stored before it is published, so that after a crash exactly that range is
uncertain. The order within a window is fixed: confirm, append to the log, fdatasync, checkpoint.
"""

from __future__ import annotations

import asyncio
from collections import deque
from datetime import UTC, datetime

from psycopg.types.json import Jsonb

from pgjobs import failpoints as faults
from pgjobs.engine.broker.frames import Record, log_lines
from pgjobs.engine.claim import Claim
from pgjobs.engine.connections import ShardConnections
from pgjobs.engine.lease import Lease
from pgjobs.engine.outgoing import Outgoing
from pgjobs.engine.poison import Suspicion
from pgjobs.engine.prepare import prepare
from pgjobs.engine.records import Records, call_off
from pgjobs.engine.window import Window, find_unfit
from pgjobs.errors import ConfigurationError, Poisoned
from pgjobs.joblog.rules import LogRules
from pgjobs.joblog.writer import JobLog
from pgjobs.metrics import Metrics
from pgjobs.settings import Settings

IN_FLIGHT = 2
SOON = 1.0
"""Seconds for which windows in flight may wait for the next one to be read, so that one checkpoint can announce it."""


class ShardRun:
    """One claimed shard on its connections."""

    def __init__(
        self,
        claim: Claim,
        connections: ShardConnections,
        lease: Lease,
        settings: Settings,
        metrics: Metrics,
        suspicion: Suspicion,
    ) -> None:
        self.claim = claim
        self.connections = connections
        self.lease = lease
        self.settings = settings
        self.metrics = metrics
        self.suspicion = suspicion
        self.windows: deque[Window] = deque()
        self._announced: int | None = None
        self._reading: asyncio.Future[list[Record]] | None = None
        self._upcoming: list[Record] = []
        self._unreadable: ConfigurationError | None = None
        self._broken_off = False
        self._outgoing: Outgoing | None = None

    @property
    def clean(self) -> bool:
        """Whether nothing is in flight."""
        return not self.windows

    async def run(self) -> bool:
        """Run until the selection is exhausted (True) or the job was stopped (False)."""
        claim = self.claim
        preparing = asyncio.ensure_future(prepare(claim, self.connections, self.settings))
        if not await self.lease.outlasts(preparing):
            return False
        position = preparing.result()
        log = await self._open_log()
        faults.reach("after_log_open")
        try:
            if position is None:
                return True
            records = Records(
                self.connections.reader,
                self.metrics,
                job_id=claim.job_id,
                shard=claim.shard,
                position=position,
                descending=claim.descending,
                window=self.suspicion.window or self.settings.window,
                segment_seconds=self.settings.segment_seconds,
                patience=5 * self.settings.stall_seconds,
            )
            try:
                # Connections of an earlier run have a publisher; a dry run must not use it.
                if self.connections.publisher is not None and not claim.dry_run:
                    self._outgoing = Outgoing(claim, self.connections.publisher, self.lease, records.pause)
                    await self._outgoing.check_route()
                return await self._stream(records, log)
            except Poisoned as error:
                if window := self.suspicion.isolate(self.windows, error):
                    self._upcoming = []
                    await self._commit(window, log)
                raise
            finally:
                if self._reading is not None:
                    await call_off(self._reading)
                await records.close()
        finally:
            log.close()

    async def _open_log(self) -> JobLog:
        claim = self.claim
        shard = f"-{claim.shard}" if claim.shard else ""
        stamp = datetime.now(UTC).strftime("%Y%m%dT%H%M%SZ")
        path = self.settings.log_dir / f"job-{claim.job_id}{shard}-{stamp}.log"
        rules = LogRules.of(self.settings)
        return await JobLog.open(self.connections.control, claim.job_id, claim.shard, claim.epoch, path, rules)

    async def _stream(self, records: Records, log: JobLog) -> bool:
        self._read(records)
        most = 1 if self.suspicion.window else IN_FLIGHT
        while True:
            await self.lease.ensure()
            if self._reading is not None and (not self.windows or await self._comes_soon(self._reading)):
                await self._take(self._reading)
            if self._upcoming and not self.lease.stopping and len(self.windows) < most:
                if await self._send(self._upcoming):
                    self._read(records)
            elif self.windows:
                await self._settle()
                await self._commit(self.windows[0], log)
            elif self._unreadable is not None:
                raise self._unreadable
            else:
                return not self._upcoming and not self._broken_off

    def _read(self, records: Records) -> None:
        self._upcoming = []
        self._reading = asyncio.ensure_future(records.next())

    async def _comes_soon(self, reading: asyncio.Future[list[Record]]) -> bool:
        """Whether the next window is there, or comes before those in flight should rather be accounted for."""
        if not reading.done():
            await asyncio.wait((reading, self.lease.over), timeout=SOON, return_when=asyncio.FIRST_COMPLETED)
        return reading.done()

    async def _take(self, reading: asyncio.Future[list[Record]]) -> None:
        """Take over the next window; what makes it unreadable is told when all before it is accounted for."""
        try:
            if await self.lease.outlasts(reading):
                self._upcoming = reading.result()
            else:
                self._broken_off = True
        except ConfigurationError as error:
            self._unreadable = error
        self._reading = None

    async def _send(self, records: list[Record]) -> bool:
        """Announce one window and publish it; False when the job turned out to be stopped."""
        wanted = [record for record in records if record[2] is None]
        window = Window(records, find_unfit(wanted))
        if self._outgoing is None:
            self.windows.append(window)
            return True
        if self._announced != records[-1][0]:
            await self.lease.renew(records[-1][0])
            faults.reach("after_announce")
            self._announced = records[-1][0]
            if self.lease.stopping:
                return False
        if window.unfit:
            wanted = [record for record in wanted if record[0] not in window.unfit]
        window.published = wanted
        self.windows.append(window)
        window.flight = self._outgoing.publish(window.published)
        faults.reach("after_publish")
        self.metrics.window_records.observe(len(records))
        return True

    async def _settle(self) -> None:
        """Wait until all that the oldest window has published is confirmed or given back."""
        if self._outgoing is not None:
            await self._outgoing.settle(self.windows)
            faults.reach("after_confirm")

    async def _commit(self, window: Window, log: JobLog) -> None:
        """Make a settled window count: its lines on disk, then its checkpoint."""
        await log.append(log_lines(datetime.now(UTC), window.records, window.unfit | window.returned))

        last_sent = self.windows[-1].last_key
        ahead = last_sent if self.lease.stopping or not self._upcoming else self._upcoming[-1][0]
        in_flight_to = window.last_key if self._outgoing is None else ahead
        counts, outcomes = window.account()
        progress = (window.last_key, in_flight_to, *counts, Jsonb(outcomes))
        await self.lease.checkpoint(*progress, log.committed, log.chain, log.checks)
        faults.reach("after_checkpoint")
        self._announced = in_flight_to
        self.windows.popleft()
        for action, _reason, n in outcomes:
            self.metrics.records.labels(type=self.claim.type, action=action).inc(n)
