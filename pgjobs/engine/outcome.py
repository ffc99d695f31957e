"""Run a claimed shard to its end, and tell the database which end it was.

exhausted            → finished, the job done with its last shard
stopped              → released, nothing in flight; at shutdown handed back
cancelled            → the daemon ends and waits no longer: handed back, what is in flight is uncertain
something missing    → the job ends with error, and a sentence that names the thing
a server went away   → released with a note, taken up again after a growing pause
fenced out           → nothing is written any more
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import psycopg

from pgjobs import db, faults
from pgjobs.engine import claim as claims
from pgjobs.engine.claim import Claim
from pgjobs.engine.lanes import Lane, Lanes
from pgjobs.engine.lease import Lease
from pgjobs.engine.poison import Suspicion
from pgjobs.engine.run import ShardRun
from pgjobs.errors import ConfigurationError, Fenced, Interrupted, LogError, refusal
from pgjobs.metrics import Metrics
from pgjobs.settings import Settings

logger = logging.getLogger(__name__)
PASSING = ("08", "53", "57", "40", "25P03", "55P03")
"""SQLSTATEs (or their classes) of troubles that pass by themselves."""


class ShardTask:
    """One claimed shard from its lane to its reported end."""

    def __init__(
        self,
        claim: Claim,
        lease: Lease,
        lanes: Lanes,
        settings: Settings,
        metrics: Metrics,
        suspicion: Suspicion,
        leaving: Callable[[], bool],
    ) -> None:
        self.claim = claim
        self.lease = lease
        self._lanes = lanes
        self._settings = settings
        self._metrics = metrics
        self._suspicion = suspicion
        self._leaving = leaving
        self._lane: Lane | None = None
        self._run: ShardRun | None = None

    async def run(self) -> None:
        """Run, then report; a lane is kept only after a run that ended as it should."""
        healthy = False
        try:
            try:
                exhausted = await self._stream()
                healthy = True
            except asyncio.CancelledError:
                await self._report_trouble(
                    Interrupted("its daemon was told to end while it waited for a server or a file")
                )
            except Exception as error:  # noqa: BLE001 every error is one of the ends told above
                await self._report_trouble(error)
            else:
                await self._report_end(exhausted)
        finally:
            if self._lane is not None:
                await self._lanes.give_back(self._lane, healthy=healthy)

    async def _stream(self) -> bool:
        publishing = not self.claim.dry_run
        self._lane = lane = await self._lanes.take(publishing=publishing)
        async with self.lease.held_on(lane.control):
            if publishing and lane.publisher is None:
                lane.publisher = await self._lanes.publisher()
            self._run = ShardRun(self.claim, lane, self.lease, self._settings, self._metrics, self._suspicion)
            return await self._run.run()

    @property
    def _clean(self) -> bool:
        return self._run is None or self._run.clean

    async def _report_end(self, exhausted: bool) -> None:
        claim = self.claim
        async with self._control(fresh=False) as control:
            if exhausted:
                faults.reach("before_finish")
                answer = await claims.finish(control, claim)
                faults.reach("after_finish")
                logger.info("job %s, shard %s: %s", claim.job_id, claim.shard, answer or "fenced out at the end")
            else:
                faults.reach("before_release")
                await claims.release(control, claim, clean=self._clean, hand_back=self._leaving(), note=None)
                logger.info("job %s, shard %s: let go", claim.job_id, claim.shard)

    async def _report_trouble(self, error: Exception) -> None:
        claim, clean = self.claim, self._clean
        if isinstance(error, Fenced):
            self._metrics.fenced.inc()
            logger.warning("%s", error.sentence)
            return
        broken = self._broken_for_good(error)
        async with self._control(fresh=True) as control:
            if broken is not None:
                logger.error("job %s ends with error: %s", claim.job_id, broken[1])
                await claims.fail(control, claim, clean=clean, code=broken[0], sentence=broken[1])
                return
            note = self._words(error)
            logger.warning("job %s, shard %s is interrupted: %s", claim.job_id, claim.shard, note)
            await claims.release(control, claim, clean=clean, hand_back=self._leaving(), note=note)

    @staticmethod
    def _broken_for_good(error: Exception) -> tuple[str, str] | None:
        """(code, sentence) when waiting would not mend it."""
        if isinstance(error, ConfigurationError | LogError):
            return error.code, error.sentence
        if isinstance(error, psycopg.Error):
            refused = refusal(error)
            if refused is not None:
                return refused[1], f"{refused[0]} ({refused[2]})"
            if error.sqlstate is not None and not error.sqlstate.startswith(PASSING):
                return "selection", f"the database refuses: {error.diag.message_primary}"
        return None

    @staticmethod
    def _words(error: Exception) -> str:
        if isinstance(error, Interrupted):
            return error.sentence
        if isinstance(error, psycopg.Error | OSError):
            first_line = next(iter(str(error).strip().splitlines()), type(error).__name__)
            return f"the database went away: {first_line}"
        logger.error("an error nobody expected", exc_info=error)
        return f"internal error: {type(error).__name__}: {error}"

    @asynccontextmanager
    async def _control(self, *, fresh: bool) -> AsyncIterator[db.Connection]:
        """A connection to report on: the lane's own after a good run, a fresh one after trouble."""
        if not fresh and self._lane is not None and not self._lane.control.closed:
            yield self._lane.control
            return
        url, patience = self._settings.database_url, self._settings.stall_seconds
        async with await db.connect(url, "report", patience=patience) as control:
            yield control
