"""Receive what the triggers announce. A notification only says "look now"; the timer finds everything as well.

LISTEN comes first, then the caller looks; a probe of our own finds a connection that died without a word.
"""

from __future__ import annotations

import contextlib
import re
import time
import uuid
from collections.abc import AsyncGenerator, Callable

from pgjobs.engine.control import Control
from pgjobs.errors import Interrupted
from pgjobs.metrics import Metrics
from pgjobs.pg import connection as db

CHANNEL = "pgjobs"
PROBE_PATIENCE = 5.0
PROBE = re.compile(r"probe [0-9a-f-]{36}")
JOB = re.compile(r'"id"\s*:\s*([0-9]{1,18})\s*[,}]')
MOST_LETTERS = 200


class Listener:
    """Calls `hear(job id or None)` for every notification, and once after every (re)connect."""

    def __init__(
        self,
        url: str,
        control: Control,
        metrics: Metrics,
        probe_seconds: float,
        hear: Callable[[int | None], None],
    ) -> None:
        self._url = url
        self._control = control
        self._metrics = metrics
        self._probe_seconds = probe_seconds
        self._hear = hear

    async def run(self, works: Callable[[], None]) -> None:
        """Listen until the connection is lost or does not deliver any more."""
        patience = self._probe_seconds + 2 * PROBE_PATIENCE
        try:
            async with await db.connect(self._url, "listen", patience=patience) as connection:
                await self._listen(connection, works)
        finally:
            self._metrics.listening.set(0)
            self._metrics.listener_reconnects.inc()

    async def _listen(self, connection: db.Connection, works: Callable[[], None]) -> None:
        await connection.execute(f"listen {CHANNEL}")
        self._metrics.listening.set(1)
        self._hear(None)
        while True:
            async for payload in payloads(connection, self._probe_seconds):
                self._announce(payload)
            if not await self._delivers(connection):
                self._metrics.listener_probe_failures.inc()
                raise Interrupted("the LISTEN connection does not deliver any more", "it is made anew")
            works()

    async def _delivers(self, connection: db.Connection) -> bool:
        """Whether a notification sent by another connection arrives on this one."""
        nonce = f"probe {uuid.uuid4()}"
        await self._control.row("select pg_notify(%s, %s)", (CHANNEL, nonce))
        async with contextlib.aclosing(payloads(connection, PROBE_PATIENCE)) as heard:
            async for payload in heard:
                if payload == nonce:
                    return True
                self._announce(payload)
        return False

    def _announce(self, payload: str) -> None:
        """Pass a hint on; the probes of the listeners themselves announce nothing."""
        if not PROBE.fullmatch(payload):
            self._hear(read_job_id(payload))


async def payloads(connection: db.Connection, seconds: float) -> AsyncGenerator[str, None]:
    """What arrives within so many seconds; an empty text for what cannot be decoded (a database in SQL_ASCII)."""
    end = time.monotonic() + seconds
    while (left := end - time.monotonic()) > 0:
        try:
            async with contextlib.aclosing(connection.notifies(timeout=left)) as notifications:
                async for notification in notifications:
                    yield notification.payload
        except UnicodeDecodeError:
            yield ""


def read_job_id(payload: str) -> int | None:
    """The id of the job that a notification is about; None, which means "look now", for whatever else it says.

    Anybody who may connect may send one, so it is not parsed but matched, and only where it is short.
    """
    found = JOB.search(payload) if len(payload) <= MOST_LETTERS else None
    return int(found[1]) if found else None
