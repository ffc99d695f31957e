"""The daemon: listens, claims, runs shards side by side, beats, and lets go of everything at SIGTERM or SIGHUP.

It keeps nothing that matters: after a kill -9 another daemon finds all it needs in the database.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
from collections.abc import Coroutine
from uuid import uuid4

import psycopg

from pgjobs import failpoints as faults
from pgjobs.backoff import Backoff
from pgjobs.engine.api_requests import Calls
from pgjobs.engine.callbacks import Callbacks
from pgjobs.engine.claim import Claim
from pgjobs.engine.claims import Claims, Running
from pgjobs.engine.connections import ConnectionPool
from pgjobs.engine.context import RunContext
from pgjobs.engine.depths import Depths
from pgjobs.engine.expansions import Expansions
from pgjobs.engine.exposition import MetricsListener
from pgjobs.engine.heartbeat import Heartbeat
from pgjobs.engine.leases import Leases
from pgjobs.engine.listen import Hint, Listener
from pgjobs.engine.maintenance import Maintenance
from pgjobs.engine.outcome import ShardTask
from pgjobs.engine.poison import Suspicion
from pgjobs.engine.replies import Replies
from pgjobs.engine.shard import Shard
from pgjobs.engine.supervisor import Supervisor
from pgjobs.errors import SchemaError, one_line
from pgjobs.metrics import Metrics
from pgjobs.pg import connection as db
from pgjobs.pg import session
from pgjobs.pg.hints import hint_for, refused_for_good
from pgjobs.pg.rights import DAEMON, check_rights
from pgjobs.pg.versions import CHANGED, State
from pgjobs.settings import Settings
from pgjobs.signals import asking_to_end

logger = logging.getLogger(__name__)
REPORT_PAUSE = 1.0
GRACE_SECONDS = 2.0
LAST_SECONDS = 2.0
"""How long the database is asked to forget the heartbeat of a daemon that ends."""
LEAVE_SECONDS = 4.0
"""How long after the time to drain the process may last: whatever a lost server keeps waiting is left behind then."""


class Daemon:
    """One process of the engine."""

    def __init__(self, settings: Settings) -> None:
        settings.need("database_url", "amqp_url")
        faults.arm(settings.fault)
        session.set_actor(f"daemon {settings.daemon_name}")
        self.settings = settings
        self.metrics = Metrics()
        self.id = uuid4()
        self.running: dict[str, Running] = {}
        self.pool = ConnectionPool(settings, self.metrics, self.id)
        self.callbacks = Callbacks(settings, self.pool.control)
        self.calls = Calls(settings, self.pool, self.id)
        self.expansions = Expansions(settings, self.pool.control)
        self.maintenance = Maintenance(settings, self.id)
        self.leases = Leases(settings, self.id, lambda: [running.shard for running in self.running.values()])
        self.exposition = MetricsListener(settings.metrics_bind, self.metrics)
        self.heartbeat = Heartbeat(settings, self.metrics, self.id, self.pool, lambda: self.exposition.address)
        self.claims = Claims(settings, self.metrics, self.id, self.pool, self.running, self._start)
        self._suspicions: dict[str, Suspicion] = {}
        self._told_to_end = asyncio.Event()

    async def run(self) -> None:
        """Work until SIGTERM, SIGINT or SIGHUP; a second one ends the process at once, which is as safe as kill -9."""
        for number in asking_to_end():
            asyncio.get_running_loop().add_signal_handler(number, self._on_signal)
        await self._until_told_to_end(self._check_database())
        if self._stopping:
            return await self.pool.close()
        supervisor = Supervisor(self._check_schema, self._told_to_end)
        self._supervise(supervisor)
        logger.info("daemon %s is up as %s", self.id, self.settings.daemon_name)
        try:
            await supervisor.wait()
            self._end(70)
            await supervisor.end("claims", GRACE_SECONDS)
            await self._let_go()
        finally:
            await supervisor.close()
            await self._sign_off()
            await self.pool.close()
        logger.info("daemon %s has let go of everything", self.id)
        if supervisor.failed.done():
            raise supervisor.failed.result()
        return None

    def _supervise(self, supervisor: Supervisor) -> None:
        """Start everything that runs beside the shards."""
        settings = self.settings
        control, probe = self.pool.control, settings.probe_seconds
        listener = Listener(settings.database_url, control, self.metrics, probe, self._on_hint)
        supervisor.start("metrics", self.exposition.run, once=True)
        supervisor.start("listener", listener.run)
        supervisor.start("leases", self.leases.run)
        supervisor.start("heartbeat", self.heartbeat.run)
        supervisor.start("chores", self.maintenance.run)
        supervisor.start("api requests", self.calls.run)
        supervisor.start("expansions", self.expansions.run)
        supervisor.start("callbacks", self.callbacks.run)
        supervisor.start("replies", Replies(settings, control, self.metrics, self.id).run)
        supervisor.start("connections", self.pool.keep)
        supervisor.start("broker probe", self.pool.probe)
        supervisor.start("queue depths", Depths(self.pool, self.id, lambda: self.maintenance.elected).run)
        supervisor.start("claims", self.claims.run)

    async def _until_told_to_end(self, work: Coroutine[None, None, None]) -> None:
        """Do something until it is done, or until shortly after SIGTERM, whatever server it waits for."""
        task, told = asyncio.create_task(work), asyncio.create_task(self._told_to_end.wait())
        await asyncio.wait((task, told), return_when=asyncio.FIRST_COMPLETED)
        told.cancel()
        if not task.done():
            await asyncio.wait((task,), timeout=GRACE_SECONDS)
            task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task

    async def _check_schema(self) -> State:
        async with self.pool.control.connection() as connection:
            return await db.check_schema(connection)

    async def _check_database(self) -> None:
        """Refuse to start on another schema, without rights, or where we are refused; wait for one that is away."""
        backoff = Backoff()
        while not self._stopping:
            try:
                async with self.pool.control.connection() as connection:
                    await check_rights(connection, DAEMON)
                if (await self._check_schema()).changed:
                    logger.warning(CHANGED)
                return await self.callbacks.announce()
            except (psycopg.OperationalError, OSError) as error:
                if refused_for_good(error):
                    raise
                logger.warning("the database is away, waiting for it: %s (%s)", one_line(error), hint_for(error))
                await backoff.pause()
        return None

    def _on_signal(self) -> None:
        if self._stopping:
            os._exit(143)
        self._end(0)

    def _end(self, code: int) -> None:
        """Begin to end; `code` is the exit code where a server keeps the process from ending in time."""
        if not self._stopping:
            self._told_to_end.set()
            self.claims.end()
            seconds = self.settings.drain_seconds + LEAVE_SECONDS
            asyncio.get_running_loop().call_later(seconds, self._leave, code)

    def _leave(self, code: int) -> None:
        logger.warning("daemon %s ends, and a server does not answer: its leases run out by themselves", self.id)
        os._exit(code)

    def _on_hint(self, hint: Hint) -> None:
        """Look where something may have changed; what this daemon has done itself it knows."""
        if not hint.ended and hint.sender != self.claims.sender:
            self.claims.wake()
        if hint.job_id is None:
            self.calls.wake()
        if hint.job_id is None or hint.expand:
            self.expansions.wake()
        if hint.close:
            self.maintenance.wake()
        if hint.ended or hint.job_id is None:
            self.callbacks.wake()
        if hint.job_id is None or (
            not hint.goes_on and any(each.shard.claim.job_id == hint.job_id for each in self.running.values())
        ):
            self.leases.poke()

    def _start(self, taken: Claim, claimed_at: float) -> None:
        faults.reach("after_claim")
        shard = Shard(taken, self.pool.control, self.settings.lease_seconds, claimed_at)
        task = asyncio.create_task(self._run_shard(taken, shard))
        self.running[taken.name] = Running(shard, task)
        self.metrics.running_shards.set(len(self.running))

    async def _run_shard(self, taken: Claim, shard: Shard) -> None:
        """Run one shard to whatever end, and report that end to the database."""
        logger.info("job %s, shard %s, epoch %s: taken", taken.job_id, taken.shard, taken.epoch)
        try:
            suspicion = self._suspicions.setdefault(taken.name, Suspicion())
            context = RunContext(shard, suspicion, self.settings, self.metrics)
            await ShardTask(context, self.pool, self._told_to_end.is_set).run()
        except (psycopg.Error, OSError, SchemaError) as error:
            logger.warning(
                "job %s: its end could not be reported; its lease runs out, and it is taken up again: %s",
                taken.job_id,
                one_line(error),
            )
            await asyncio.sleep(REPORT_PAUSE)
        except Exception:
            logger.exception("job %s: its end could not be reported", taken.job_id)
            await asyncio.sleep(REPORT_PAUSE)
        finally:
            del self.running[taken.name]
            if self._suspicions.get(taken.name) == Suspicion():
                del self._suspicions[taken.name]
            self.metrics.running_shards.set(len(self.running))
            self.claims.free_place()

    @property
    def _stopping(self) -> bool:
        return self._told_to_end.is_set()

    async def _let_go(self) -> None:
        """Drain what is in flight and hand the shards back, those as well that wait for something in vain."""
        for running in self.running.values():
            running.shard.lease.stop()
        tasks = [running.task for running in self.running.values()]
        if tasks:
            _, late = await asyncio.wait(tasks, timeout=self.settings.drain_seconds)
            for task in late:
                task.cancel()
            if late:
                await asyncio.wait(late, timeout=GRACE_SECONDS)

    async def _sign_off(self) -> None:
        """Take the heartbeat along."""
        try:
            async with asyncio.timeout(LAST_SECONDS):
                await self.pool.control.row("select pgjobs.leave(%s)", (self.id,))
        except Exception as error:  # noqa: BLE001 the heartbeat runs out by itself
            logger.warning(
                "the heartbeat of this daemon could not be removed, and runs out by itself: %s", one_line(error)
            )


async def run(settings: Settings) -> None:
    """Run a daemon until it is told to end."""
    await Daemon(settings).run()
