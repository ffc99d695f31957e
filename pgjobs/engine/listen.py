"""Receive what the triggers announce. A notification only says "look now"; the timer finds everything as well.

LISTEN comes first, then the caller looks; a probe of our own finds a connection that died without a word.
"""

from __future__ import annotations

import contextlib
import re
import uuid
from collections.abc import Callable
from typing import NamedTuple

from pgjobs.engine.control import Control
from pgjobs.errors import Interrupted
from pgjobs.metrics import Metrics
from pgjobs.pg import connection as db
from pgjobs.pg.channel import CHANNEL, job_of, payloads

PROBE_PATIENCE = 5.0
PROBE = re.compile(r"probe [0-9a-f-]{36}")
STATUS = re.compile(r'"status"\s*:\s*"([a-z ]{1,20})"')
EXPAND = re.compile(r'"expand"\s*:\s*true\b')
CLOSE = re.compile(r'"close"\s*:\s*true\b')
EDITED = re.compile(r'"edited"\s*:\s*true\b')
ENDED = ("done", "canceled", "cancelled", "error")


class Hint(NamedTuple):
    """Where to look first: a job and its status; without a job, everywhere. `sender`: the server process it is from.

    `edited`: the job was in progress before as well. `expand`: its items are to be written.
    `close`: its items are to be closed.
    """

    job_id: int | None = None
    status: str = ""
    sender: int = 0
    edited: bool = False
    expand: bool = False
    close: bool = False

    @property
    def ended(self) -> bool:
        """Whether the job has ended: there is something to tell, and nothing to claim."""
        return self.job_id is not None and self.status in ENDED

    @property
    def goes_on(self) -> bool:
        """Whether its runs have nothing to obey: it has come into progress, or is done."""
        return self.job_id is not None and self.status in ("in progress", "done") and not self.edited


class Listener:
    """Calls `hear(hint)` for every notification, and once after every (re)connect."""

    def __init__(
        self,
        url: str,
        control: Control,
        metrics: Metrics,
        probe_seconds: float,
        hear: Callable[[Hint], None],
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
            self._metrics.listens(now=False)
            self._metrics.listener_reconnects.inc()

    async def _listen(self, connection: db.Connection, works: Callable[[], None]) -> None:
        await connection.execute(f"listen {CHANNEL}")
        self._metrics.listens(now=True)
        self._hear(Hint())
        while True:
            async for payload, sender in payloads(connection, self._probe_seconds):
                self._announce(payload, sender)
            if not await self._delivers(connection):
                self._metrics.listener_probe_failures.inc()
                raise Interrupted("the LISTEN connection does not deliver any more", "it is made anew")
            works()

    async def _delivers(self, connection: db.Connection) -> bool:
        """Whether a notification sent by another connection arrives on this one."""
        nonce = f"probe {uuid.uuid4()}"
        await self._control.row("select pg_notify(%s, %s)", (CHANNEL, nonce))
        async with contextlib.aclosing(payloads(connection, PROBE_PATIENCE)) as heard:
            async for payload, sender in heard:
                if payload == nonce:
                    return True
                self._announce(payload, sender)
        return False

    def _announce(self, payload: str, sender: int) -> None:
        """Pass a hint on; the probes of the listeners themselves announce nothing."""
        if not PROBE.fullmatch(payload):
            self._hear(read_hint(payload)._replace(sender=sender))


def read_hint(payload: str) -> Hint:
    """The job that a notification is about, and its status; an empty hint, which means "look now", for all else.

    Anybody who may connect may send one, so it is not parsed but matched, and only where it is short.
    """
    job = job_of(payload)
    if job is None:
        return Hint()
    status = STATUS.search(payload)
    return Hint(
        job,
        status[1] if status else "",
        edited=EDITED.search(payload) is not None,
        expand=EXPAND.search(payload) is not None,
        close=CLOSE.search(payload) is not None,
    )
