"""Run a claimed shard to its end, and tell the database which end it was.

exhausted            → finished, the job done with its last shard
stopped              → released, nothing in flight; at shutdown handed back
told to wait         → parked for a while with the reason, nothing in flight
cancelled            → the daemon ends and waits no longer: handed back, what is in flight is uncertain
something missing    → the job ends with error, and a sentence that names the thing
a server went away   → parked with a note, taken up again after a growing pause
its end is refused   → by somebody's trigger: the job ends with error; where that is refused too, parked with a note
fenced out           → nothing is written any more
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from datetime import timedelta

import psycopg

from pgjobs import failpoints as faults
from pgjobs.engine import troubles
from pgjobs.engine.connections import ConnectionPool, ShardConnections
from pgjobs.engine.context import RunContext
from pgjobs.engine.lease import Parking
from pgjobs.engine.run import ShardRun
from pgjobs.errors import ConfigurationError, Fenced, Interrupted, SelectionError, refusal
from pgjobs.pg import connection as db

logger = logging.getLogger(__name__)
MOST_UNKNOWN = 5
"""So many runs in a row may end in an error that nobody expected before the job does."""


class ShardTask:
    """One claimed shard from its connections to its reported end; `leaving` says whether its daemon ends."""

    def __init__(self, context: RunContext, pool: ConnectionPool, leaving: Callable[[], bool]) -> None:
        self._context = context
        self._shard = context.shard
        self._pool = pool
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
                await self._connections.give_back(healthy=healthy)

    async def _stream(self) -> bool:
        publishing = self._context.claim.publishes
        self._connections = connections = await self._pool.take(publishing=publishing)
        if publishing and connections.publisher is None:
            connecting = asyncio.ensure_future(connections.connect())
            if not await self._shard.lasts_for(
                connecting, "it waits for the broker, which does not answer the connection"
            ):
                return False
            connecting.result()
        self._run = ShardRun(self._context, connections)
        return await self._run.run()

    @property
    def _clean(self) -> bool:
        return self._run is None or self._run.clean

    async def _report_end(self, exhausted: bool) -> None:
        claim = self._context.claim
        if exhausted:
            answer = self._run and self._run.answer
            if answer is None:
                faults.reach("before_finish")
                answer = await self._finish()
            faults.reach("after_finish")
            logger.info("job %s, shard %s: %s", claim.job_id, claim.shard, answer or "fenced out at the end")
        else:
            faults.reach("before_release")
            await self._give_up(self._context.lease.parking)
            logger.info("job %s, shard %s: let go", claim.job_id, claim.shard)

    async def _finish(self) -> str | None:
        try:
            return await self._shard.finish()
        except psycopg.Error as error:
            if refusal(error) is None and troubles.refuses(error):
                raise ConfigurationError(f"the database refuses its end: {error.diag.message_primary}") from error
            raise

    async def _give_up(self, parking: Parking | None, *, failure: bool = False) -> None:
        """Park or release the shard; a daemon that ends hands its job back, unless it may not become ready again."""
        if self._leaving():
            try:
                return await self._shard.release(clean=self._clean, hand_back=True)
            except psycopg.Error as error:
                if not troubles.refuses(error):
                    raise
                logger.warning(
                    "job %s can't be handed back: %s", self._context.claim.job_id, error.diag.message_primary
                )
        if parking is None:
            return await self._shard.release(clean=self._clean, hand_back=False)
        return await self._shard.park(parking, clean=self._clean, failure=failure)

    async def _report_trouble(self, error: Exception) -> None:
        claim = self._context.claim
        if isinstance(error, Fenced):
            self._context.metrics.fenced.inc()
            logger.warning("%s", error.sentence)
            return
        note, broken = self._words(error), self._broken_for_good(error)
        if broken is not None:
            if isinstance(error, psycopg.Error):
                # What functions of another version refuse says nothing about the job.
                async with self._pool.control.connection() as control:
                    await db.check_schema(control)
            logger.error("job %s ends with error: %s (%s)", claim.job_id, broken[1], troubles.remedy(error))
            try:
                late = error.late_key if isinstance(error, SelectionError) else None
                await self._shard.fail(*broken, clean=self._clean, late_key=late)
            except psycopg.Error as refused:
                if not troubles.refuses(refused):
                    raise
                note = f"{broken[1]}; and the database refuses this end: {refused.diag.message_primary}"
            else:
                return
        logger.warning("job %s, shard %s is interrupted: %s", claim.job_id, claim.shard, note)
        await self._give_up(Parking(timedelta(0), note), failure=True)

    def _broken_for_good(self, error: Exception) -> tuple[str, str] | None:
        """(code, sentence) when waiting would not mend it; an error nobody expected is given a few tries."""
        suspicion = self._context.suspicion
        suspicion.unknown = suspicion.unknown + 1 if troubles.unknown(error) else 0
        if suspicion.unknown >= MOST_UNKNOWN:
            suspicion.unknown = 0
            return "internal", f"{troubles.words(error)} ({MOST_UNKNOWN} times in a row, see the log of the daemon)"
        return troubles.broken_for_good(error)

    def _words(self, error: Exception) -> str:
        if troubles.unknown(error):
            claim = self._context.claim
            logger.error(
                "job %s, shard %s: an error that nobody expected; please report it with its traceback",
                claim.job_id,
                claim.shard,
                exc_info=error,
            )
        return troubles.words(error)
