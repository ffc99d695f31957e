"""Run a claimed shard to its end, and tell the database which end it was.

exhausted            → finished, the job done with its last shard
stopped              → released, nothing in flight; at shutdown handed back
cancelled            → the daemon ends and waits no longer: handed back, what is in flight is uncertain
something missing    → the job ends with error, and a sentence that names the thing
a server went away   → released with a note, taken up again after a growing pause
its end is refused   → by somebody's trigger: the job ends with error; where that is refused too, released with a note
fenced out           → nothing is written any more
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import psycopg

from pgjobs import failpoints as faults
from pgjobs.engine import claim as claims
from pgjobs.engine import troubles
from pgjobs.engine.claim import Claim
from pgjobs.engine.connections import ConnectionPool, ShardConnections
from pgjobs.engine.lease import Lease
from pgjobs.engine.poison import Suspicion
from pgjobs.engine.run import ShardRun
from pgjobs.errors import ConfigurationError, Fenced, Interrupted, SelectionError, refusal
from pgjobs.metrics import Metrics
from pgjobs.pg import connection as db
from pgjobs.settings import Settings

logger = logging.getLogger(__name__)
MOST_UNKNOWN = 5
"""So many runs in a row may end in an error that nobody expected before the job does."""


class ShardTask:
    """One claimed shard from its connections to its reported end."""

    def __init__(
        self,
        claim: Claim,
        lease: Lease,
        pool: ConnectionPool,
        settings: Settings,
        metrics: Metrics,
        suspicion: Suspicion,
        leaving: Callable[[], bool],
    ) -> None:
        self.claim = claim
        self.lease = lease
        self._pool = pool
        self._settings = settings
        self._metrics = metrics
        self._suspicion = suspicion
        self._leaving = leaving
        self._connections: ShardConnections | None = None
        self._run: ShardRun | None = None

    async def run(self) -> None:
        """Run, then report; the connections are kept only after a run that ended as it should."""
        healthy = False
        try:
            try:
                await self._report_end(await self._stream())
                healthy = True
            except asyncio.CancelledError:
                await self._report_trouble(
                    Interrupted("its daemon was told to end while it waited for a server or a file")
                )
            except Exception as error:  # noqa: BLE001 every error is one of the ends told above
                await self._report_trouble(error)
        finally:
            if self._connections is not None:
                await self._pool.give_back(self._connections, healthy=healthy)

    async def _stream(self) -> bool:
        publishing = not self.claim.dry_run
        self._connections = connections = await self._pool.take(publishing=publishing)
        async with self.lease.held_on(connections.control):
            if publishing and connections.publisher is None:
                connections.publisher = await self._pool.publisher()
            self._run = ShardRun(self.claim, connections, self.lease, self._settings, self._metrics, self._suspicion)
            return await self._run.run()

    @property
    def _clean(self) -> bool:
        return self._run is None or self._run.clean

    async def _report_end(self, exhausted: bool) -> None:
        claim = self.claim
        async with self._control(fresh=False) as control:
            if exhausted:
                faults.reach("before_finish")
                answer = await self._finish(control)
                faults.reach("after_finish")
                logger.info("job %s, shard %s: %s", claim.job_id, claim.shard, answer or "fenced out at the end")
            else:
                faults.reach("before_release")
                await self._release(control, note=None)
                logger.info("job %s, shard %s: let go", claim.job_id, claim.shard)

    async def _finish(self, control: db.Connection) -> str | None:
        try:
            return await claims.finish(control, self.claim)
        except psycopg.Error as error:
            if refusal(error) is None and troubles.refuses(error):
                raise ConfigurationError(f"the database refuses its end: {error.diag.message_primary}") from error
            raise

    async def _release(self, control: db.Connection, *, note: str | None) -> None:
        """Give the shard up; a job that may not become ready again is left to the next daemon as it is."""
        claim, clean, hand_back = self.claim, self._clean, self._leaving()
        try:
            await claims.release(control, claim, clean=clean, hand_back=hand_back, note=note)
        except psycopg.Error as error:
            if not hand_back or not troubles.refuses(error):
                raise
            logger.warning("job %s can't be handed back: %s", claim.job_id, error.diag.message_primary)
            await claims.release(control, claim, clean=clean, hand_back=False, note=note)

    async def _report_trouble(self, error: Exception) -> None:
        claim = self.claim
        if isinstance(error, Fenced):
            self._metrics.fenced.inc()
            logger.warning("%s", error.sentence)
            return
        async with self._control(fresh=True) as control:
            note, broken = self._words(error), self._broken_for_good(error)
            if broken is not None:
                logger.error("job %s ends with error: %s", claim.job_id, broken[1])
                try:
                    late = error.late_key if isinstance(error, SelectionError) else None
                    await claims.fail(
                        control, claim, clean=self._clean, code=broken[0], sentence=broken[1], late_key=late
                    )
                except psycopg.Error as refused:
                    if not troubles.refuses(refused):
                        raise
                    note = f"{broken[1]}; and the database refuses this end: {refused.diag.message_primary}"
                else:
                    return
            logger.warning("job %s, shard %s is interrupted: %s", claim.job_id, claim.shard, note)
            await self._release(control, note=note)

    def _broken_for_good(self, error: Exception) -> tuple[str, str] | None:
        """(code, sentence) when waiting would not mend it; an error nobody expected is given a few tries."""
        suspicion = self._suspicion
        suspicion.unknown = suspicion.unknown + 1 if troubles.unknown(error) else 0
        if suspicion.unknown >= MOST_UNKNOWN:
            suspicion.unknown = 0
            return "internal", f"{troubles.words(error)} ({MOST_UNKNOWN} times in a row, see the log of the daemon)"
        return troubles.broken_for_good(error)

    @staticmethod
    def _words(error: Exception) -> str:
        if troubles.unknown(error):
            logger.error("an error nobody expected", exc_info=error)
        return troubles.words(error)

    @asynccontextmanager
    async def _control(self, *, fresh: bool) -> AsyncIterator[db.Connection]:
        """A connection to report on: the one of the run after a good end, a fresh one after trouble."""
        if not fresh and self._connections is not None and not self._connections.control.closed:
            yield self._connections.control
            return
        url, patience = self._settings.database_url, self._settings.stall_seconds
        async with await db.connect(url, "report", patience=patience) as control:
            yield control
