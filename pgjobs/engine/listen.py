"""Hear what the triggers announce. A notification only says "look now"; the timer finds everything as well.

LISTEN comes first, then the caller looks; a probe of our own finds a connection that died without a word.
"""

from __future__ import annotations

import asyncio
import json
import logging
import uuid
from collections.abc import Callable

import psycopg

from pgjobs import db
from pgjobs.backoff import Backoff
from pgjobs.metrics import Metrics

logger = logging.getLogger(__name__)
CHANNEL = "pgjobs"
PROBE_PATIENCE = 5.0


class Listener:
    """Calls `hear(job id or None)` for every notification, and once after every (re)connect."""

    def __init__(self, url: str, metrics: Metrics, probe_seconds: float, hear: Callable[[int | None], None]) -> None:
        self._url = url
        self._metrics = metrics
        self._probe_seconds = probe_seconds
        self._hear = hear

    async def run(self) -> None:
        """Listen for ever, reconnecting with growing pauses."""
        backoff = Backoff()
        while True:
            try:
                patience = self._probe_seconds + 2 * PROBE_PATIENCE
                connection = await db.connect(self._url, "listen", patience=patience)
                try:
                    await self._listen(connection, backoff)
                finally:
                    self._metrics.listening.set(0)
                    await connection.close()
            except (psycopg.Error, OSError) as error:
                logger.warning("LISTEN is down, work is found by polling: %s", str(error).strip())
            self._metrics.listener_reconnects.inc()
            await backoff.pause()

    async def _listen(self, connection: db.Connection, backoff: Backoff) -> None:
        await connection.execute(f"listen {CHANNEL}")
        self._metrics.listening.set(1)
        self._hear(None)
        while True:
            async for notification in connection.notifies(timeout=self._probe_seconds):
                self._announce(notification.payload)
            if not await self._answers(connection):
                self._metrics.listener_probe_failures.inc()
                logger.warning("the LISTEN connection does not hear any more: reconnecting")
                return
            backoff.reset()

    async def _answers(self, connection: db.Connection) -> bool:
        """Whether a notification sent by another connection arrives on this one."""
        nonce = f"probe {uuid.uuid4()}"
        async with asyncio.timeout(PROBE_PATIENCE):
            other = await db.connect(self._url, "probe", patience=PROBE_PATIENCE)
            async with other:
                await other.execute("select pg_notify(%s, %s)", (CHANNEL, nonce))
        async for notification in connection.notifies(timeout=PROBE_PATIENCE):
            if notification.payload == nonce:
                return True
            self._announce(notification.payload)
        return False

    def _announce(self, payload: str) -> None:
        """Pass a hint on; anybody may send one, so nothing of it is believed but a number to look at."""
        if payload.startswith("probe "):
            return
        try:
            job_id = int(json.loads(payload)["id"])
        except (ValueError, TypeError, KeyError):
            job_id = None
        self._hear(job_id)
