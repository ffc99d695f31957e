"""Tell the CMS which jobs have ended, from the outbox; slow or silent, it delays nothing else."""

from __future__ import annotations

import asyncio
import logging
import time
from datetime import timedelta

import httpx
import psycopg

from pgjobs import db, faults
from pgjobs.backoff import Backoff
from pgjobs.settings import Settings

logger = logging.getLogger(__name__)


class Teller:
    """Delivers notifications one after the other, on a connection of its own."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._woken = asyncio.Event()

    def wake(self) -> None:
        """Something may have ended."""
        self._woken.set()

    async def run(self) -> None:
        """Deliver for ever, reconnecting to the database when it was away."""
        backoff = Backoff()
        while True:
            try:
                url, patience = self._settings.database_url, self._settings.stall_seconds
                control = await db.connect(url, "callbacks", patience=patience)
                async with (
                    control,
                    httpx.AsyncClient(
                        timeout=self._settings.callback_timeout, follow_redirects=False, trust_env=False
                    ) as client,
                ):
                    await self._deliver(control, client, backoff)
            except (psycopg.Error, OSError) as error:
                logger.warning("notifications wait for the database: %s", str(error).strip())
            await backoff.pause()

    async def _deliver(self, control: db.Connection, client: httpx.AsyncClient, backoff: Backoff) -> None:
        patience = timedelta(seconds=2 * self._settings.callback_timeout + 10)
        while True:
            self._woken.clear()
            cursor = await control.execute("select * from pgjobs.claim_notification(%s)", (patience,))
            row = await cursor.fetchone()
            backoff.reset()
            if row is not None:
                await self._tell(control, client, *row)
                continue
            due = await db.value(control, "select pgjobs.next_notification()")
            pause = min(self._settings.poll_seconds, max(0.5, due)) if due is not None else self._settings.poll_seconds
            try:
                async with asyncio.timeout(pause):
                    await self._woken.wait()
            except TimeoutError:
                pass

    async def _tell(
        self,
        control: db.Connection,
        client: httpx.AsyncClient,
        notification: int,
        attempt: int,
        job_id: int,
        status: str,
    ) -> None:
        url = httpx.URL(self._settings.callback_url).copy_merge_params({"id": str(job_id), "status": status})
        began = time.monotonic()
        answer: int | None = None
        problem: str | None = None
        try:
            async with (
                asyncio.timeout(self._settings.callback_timeout),
                client.stream("GET", url) as response,
            ):
                answer = response.status_code
        except (httpx.HTTPError, OSError, TimeoutError) as error:
            problem = str(error) or type(error).__name__
        faults.reach("after_tell")
        milliseconds = int((time.monotonic() - began) * 1000)
        call = "select pgjobs.record_notification(%s, %s, %s, %s, %s, %s, %s)"
        attempts = self._settings.callback_attempts
        await control.execute(call, (notification, attempt, str(url), answer, problem, milliseconds, attempts))
        logger.info("told the CMS that job %s is %s: %s", job_id, status, answer or problem)
