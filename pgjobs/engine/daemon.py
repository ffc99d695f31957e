"""The daemon: hears, claims, runs shards side by side, beats, and lets go of everything at SIGTERM.

It keeps nothing that matters: after a kill -9 another daemon finds all it needs in the database.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import signal
from collections.abc import Coroutine
from dataclasses import dataclass
from typing import Protocol
from uuid import uuid4

import psycopg

from pgjobs import db, faults
from pgjobs.backoff import Backoff
from pgjobs.engine import claim
from pgjobs.engine.callbacks import Teller
from pgjobs.engine.calls import Calls
from pgjobs.engine.claim import Claim
from pgjobs.engine.heartbeat import Heartbeat
from pgjobs.engine.lanes import Lanes
from pgjobs.engine.lease import Lease, boot_seconds
from pgjobs.engine.listen import Listener
from pgjobs.engine.outcome import ShardTask
from pgjobs.engine.poison import Suspicion
from pgjobs.metrics import Metrics
from pgjobs.settings import Settings

logger = logging.getLogger(__name__)
EMPTY_PAUSE = 0.5
REPORT_PAUSE = 1.0
GRACE_SECONDS = 2.0
LEAVE_SECONDS = 4.0
"""How long after the time to drain the process may last: whatever a lost server keeps waiting is left behind then."""


class Companion(Protocol):
    """Something that runs beside the claims for as long as the daemon lives."""

    def run(self) -> Coroutine[None, None, None]:
        """Run for ever."""


@dataclass
class Running:
    """A shard this daemon runs."""

    lease: Lease
    task: asyncio.Task[None]


class Daemon:
    """One process of the engine."""

    def __init__(self, settings: Settings) -> None:
        settings.need("database_url", "amqp_url")
        faults.arm(settings.fault)
        self.settings = settings
        self.metrics = Metrics()
        self.worker = uuid4()
        self.running: dict[str, Running] = {}
        self.lanes = Lanes(settings, self.metrics, self.worker)
        self.teller = Teller(settings) if settings.callback_url else None
        self.calls = Calls(settings, self.lanes, self.worker)
        self._suspicions: dict[str, Suspicion] = {}
        self._woken = asyncio.Event()
        self._told_to_end = asyncio.Event()

    async def run(self) -> None:
        """Work until SIGTERM or SIGINT; a second one ends the process at once, which is as safe as kill -9."""
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, self._on_signal)
        await self._until_told_to_end(self._check_database())
        if self._stopping:
            return
        listener = Listener(self.settings.database_url, self.metrics, self.settings.probe_seconds, self._on_hint)
        beside: list[Companion] = [
            listener,
            Heartbeat(self.settings, self.metrics, self.worker, self.lanes),
            self.calls,
        ]
        if self.teller is not None:
            beside.append(self.teller)
        tasks = [asyncio.create_task(companion.run()) for companion in beside]
        tasks.append(asyncio.create_task(self.lanes.warm()))
        logger.info("daemon %s is up as %s", self.worker, self.settings.daemon_name)
        try:
            await self._until_told_to_end(self._claim_for_ever())
            await self._let_go()
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            await self.lanes.close()
        await self._say_goodbye()
        logger.info("daemon %s has let go of everything", self.worker)

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

    async def _connect(self, role: str) -> db.Connection:
        return await db.connect(self.settings.database_url, role, patience=self.settings.stall_seconds)

    async def _check_database(self) -> None:
        """Refuse to start on another schema; wait for a database that is away."""
        backoff = Backoff()
        while not self._stopping:
            try:
                async with await self._connect("check") as connection:
                    return await db.check_schema(connection)
            except psycopg.OperationalError as error:
                logger.warning("the database is away, waiting for it: %s", str(error).strip())
                await backoff.pause()
        return None

    def _on_signal(self) -> None:
        if self._stopping:
            os._exit(143)
        self._told_to_end.set()
        self._woken.set()
        asyncio.get_running_loop().call_later(self.settings.drain_seconds + LEAVE_SECONDS, self._leave)

    def _leave(self) -> None:
        logger.warning("daemon %s ends, and a server does not answer: its leases run out by themselves", self.worker)
        os._exit(0)

    def _on_hint(self, job_id: int | None) -> None:
        self._woken.set()
        self.calls.wake()
        if self.teller is not None:
            self.teller.wake()
        for name, running in self.running.items():
            if job_id is None or name.startswith(f"{job_id}/"):
                running.lease.poke()

    async def _claim_for_ever(self) -> None:
        """Claim what is due, then sleep until something happens or falls due."""
        backoff = Backoff()
        while not self._stopping:
            try:
                async with await self._connect("claims") as control:
                    await self._claim_on(control, backoff)
            except (psycopg.Error, OSError) as error:
                logger.warning("claims wait for the database: %s", str(error).strip())
                await self._sleep(1.0)
                await backoff.pause()

    async def _claim_on(self, control: db.Connection, backoff: Backoff) -> None:
        heard = True
        while not self._stopping:
            self._woken.clear()
            while len(self.running) < self.settings.max_running and not self._stopping:
                claimed_at = boot_seconds()
                async with asyncio.timeout(self.settings.stall_seconds):
                    taken = await claim.take(
                        control,
                        self.worker,
                        list(self.running),
                        autostart=self.settings.autostart,
                        lease_seconds=self.settings.lease_seconds,
                    )
                backoff.reset()
                if taken is None:
                    break
                if not heard:
                    self.metrics.jobs_found_by_poll.inc()
                self._start(taken, claimed_at)
            due = await db.value(control, "select pgjobs.next_wakeup(%s)", self.settings.autostart)
            heard = await self._sleep(min(self.settings.poll_seconds, max(EMPTY_PAUSE, due)))

    async def _sleep(self, seconds: float) -> bool:
        """Sleep; True when woken before the time was over."""
        try:
            async with asyncio.timeout(seconds):
                await self._woken.wait()
        except TimeoutError:
            return False
        return True

    def _start(self, taken: Claim, claimed_at: float) -> None:
        faults.reach("after_claim")
        lease = Lease(taken, self.settings.lease_seconds, claimed_at)
        task = asyncio.create_task(self._run_shard(taken, lease))
        self.running[taken.name] = Running(lease, task)
        self.metrics.running_shards.set(len(self.running))

    async def _run_shard(self, taken: Claim, lease: Lease) -> None:
        """Run one shard to whatever end, and report that end to the database."""
        logger.info("job %s, shard %s, epoch %s: taken", taken.job_id, taken.shard, taken.epoch)
        try:
            suspicion = self._suspicions.setdefault(taken.name, Suspicion())
            await ShardTask(
                taken, lease, self.lanes, self.settings, self.metrics, suspicion, self._told_to_end.is_set
            ).run()
        except (psycopg.Error, OSError) as error:
            logger.warning("job %s: its end could not be reported yet: %s", taken.job_id, str(error).strip())
            await asyncio.sleep(REPORT_PAUSE)
        except Exception:
            logger.exception("job %s: its end could not be reported", taken.job_id)
            await asyncio.sleep(REPORT_PAUSE)
        finally:
            del self.running[taken.name]
            if self._suspicions[taken.name] == Suspicion():
                del self._suspicions[taken.name]
            self.metrics.running_shards.set(len(self.running))
            self._woken.set()

    @property
    def _stopping(self) -> bool:
        return self._told_to_end.is_set()

    async def _let_go(self) -> None:
        """Drain what is in flight and hand the shards back, those as well that wait for something in vain."""
        for running in self.running.values():
            running.lease.stopping = True
            running.lease.poke()
        tasks = [running.task for running in self.running.values()]
        if tasks:
            _, late = await asyncio.wait(tasks, timeout=self.settings.drain_seconds)
            for task in late:
                task.cancel()
            if late:
                await asyncio.wait(late, timeout=GRACE_SECONDS)

    async def _say_goodbye(self) -> None:
        """Take the heartbeat along, once nothing beats any more."""
        try:
            async with asyncio.timeout(2), await self._connect("leave") as control:
                await control.execute("select pgjobs.leave(%s)", (self.worker,))
        except (psycopg.Error, OSError, TimeoutError) as error:
            logger.warning("could not say goodbye: %s", str(error).strip())


async def run(settings: Settings) -> None:
    """Run a daemon until it is told to stop."""
    await Daemon(settings).run()
