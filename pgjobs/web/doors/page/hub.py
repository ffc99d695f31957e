"""The hub: everybody who watches jobs shares one connection to the database, and each state is rendered once.

While anybody watches, one statement a second reads the jobs that move, and the others less often; what stands above
the list is read in the same way, every few seconds. A notification says that a job has changed: it is read a moment
later, once for however many notifications. Whoever comes is told at once. What a notification says is never believed,
and nothing depends on one: a connection that has died shows with the next statement, and what was missed is found by
reading. With nobody watching nothing is asked, and the connection is closed after a while.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import math
import time
from collections.abc import Iterable

import psycopg

from pgjobs.errors import SchemaError, one_line
from pgjobs.pg import connection as db
from pgjobs.pg.channel import CHANNEL
from pgjobs.web.doors.page.hearing import Hearing
from pgjobs.web.doors.page.viewer import PING, Key, State, Update, Viewer, Watched, update
from pgjobs.web.errors import Problem
from pgjobs.web.identity import Identity

logger = logging.getLogger(__name__)
DEBOUNCE_SECONDS = 0.25
"""What is notified within so long is read together."""
MOVING_SECONDS, RESTING_SECONDS, FINAL_SECONDS = 1.0, 5.0, 60.0
"""Seconds between two readings of a job that moves, of one that waits or stands still, and of one that is over."""
SHARE = 4
"""A reading that takes long is followed by a pause so many times as long."""
MOST_READ = 200
"""Jobs that one statement reads; those that have waited longest come first."""
CHECK_SECONDS = 3.0
"""Seconds between two checks of the tokens, and of the connection where nothing else is asked."""
CONNECT_SECONDS = 5.0
PATIENCE_SECONDS = 4.0
"""The server answers within so many seconds, or the connection is given up."""
RETRY_SECONDS = 1.0
LINGER_SECONDS = 20.0
"""So long the connection is kept when nobody watches: people go from page to page."""
PING_SECONDS = 15.0
READ = "select pgjobs.page_progress(%s::bigint[])::text"
READ_TOP = "select pgjobs.page_top(%s::text[])::text"
HOLDERS = (
    "select a.digest, h.name, h.scopes from unnest(%s::bytea[]) a (digest)"
    " cross join lateral pgjobs.token_holder(a.digest) h"
)
AWAY = update("away", "The database does not answer. This page goes on by itself when it is back.")
SIGNED_OUT = update("signed-out", "Your token was dropped or has expired: sign in again.", last=True)


class Hub:
    """At most `most` viewers, one connection."""

    def __init__(self, url: str, leaving: asyncio.Event, most: int) -> None:
        self._url = url
        self._leaving = leaving
        self._most = most
        self._viewers: set[Viewer] = set()
        self._watched: dict[Key, Watched] = {}
        self._tasks: list[asyncio.Task[None]] = []
        self._checked_at = -math.inf
        self._rested_at = -math.inf
        self._hearing = Hearing()
        self._away = False

    def join(self, viewer: Viewer) -> None:
        """Let somebody watch; a Problem (503) where enough do, or where the process ends."""
        if self._leaving.is_set():
            raise Problem(503, "shutting_down", "the service ends", "try again")
        if len(self._viewers) >= self._most:
            sentence = f"{self._most} others watch already, and no more are served"
            raise Problem(503, "too_many_viewers", sentence, "ask every few seconds instead", {"Retry-After": "30"})
        self._viewers.add(viewer)
        viewer.quiet_since = time.monotonic()
        for job in viewer.jobs:
            watched = self._watched.setdefault(job, Watched())
            watched.viewers.add(viewer)
            watched.newcomers.add(viewer)
            watched.hurry()
        if self._away:
            viewer.put(None, AWAY)
        self._hearing.end_within(self._listens(viewer.jobs))
        self._tasks = [task for task in self._tasks if not task.done()]
        for name, work in (("read", self._run), ("pulse", self._pulse)):
            if name not in {task.get_name() for task in self._tasks}:
                self._tasks.append(asyncio.create_task(work(), name=name))

    def leave(self, viewer: Viewer) -> None:
        """Somebody watches no longer."""
        self._viewers.discard(viewer)
        for job in viewer.jobs:
            if (watched := self._watched.get(job)) is not None:
                watched.viewers.discard(viewer)
                watched.newcomers.discard(viewer)
                if not watched.viewers:
                    del self._watched[job]

    async def close(self) -> None:
        """End every stream, and close the connection."""
        self._end_all()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _end_all(self) -> None:
        for viewer in self._viewers:
            viewer.end()

    async def _pulse(self) -> None:
        """While somebody watches: a comment where nothing was told for a while; the end, when the process ends."""
        while self._viewers:
            if await self._leaves_within(1.0):
                return self._end_all()
            quiet = time.monotonic() - PING_SECONDS
            for viewer in [viewer for viewer in self._viewers if viewer.quiet_since < quiet]:
                self._tell(viewer, "ping", PING)
        return None

    async def _leaves_within(self, seconds: float) -> bool:
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._leaving.wait(), seconds)
        return self._leaving.is_set()

    def _tell(self, viewer: Viewer, about: object, what: Update) -> None:
        viewer.quiet_since = time.monotonic()
        viewer.put(about, what)

    async def _run(self) -> None:
        """Serve until nobody has watched for a while, whatever becomes of the database."""
        while self._viewers and not self._leaving.is_set():
            try:
                async with await self._connect() as connection:
                    await self._serve(connection)
            except (psycopg.Error, OSError, TimeoutError, SchemaError) as error:
                self._tell_away(one_line(error) or "no answer in time")
                await self._leaves_within(RETRY_SECONDS)
        self._away = False

    async def _connect(self) -> db.Connection:
        async with asyncio.timeout(CONNECT_SECONDS):
            connection = await db.connect(self._url, "watch", patience=PATIENCE_SECONDS, statement_timeout="3s")
        try:
            await db.check_schema(connection)
            await connection.execute(f"listen {CHANNEL}")
        except BaseException:
            await connection.close()
            raise
        return connection

    def _tell_away(self, reason: str) -> None:
        if not self._away:
            logger.warning("what moves cannot be shown: %s", reason)
            for viewer in self._viewers:
                self._tell(viewer, None, AWAY)
        self._away = True

    def _back(self) -> None:
        """Whatever was missed meanwhile is read, and told to everybody."""
        if self._away:
            logger.info("what moves is shown again")
        self._away, self._checked_at = False, -math.inf
        for viewer in self._viewers:
            viewer.forget(None)
        for watched in self._watched.values():
            watched.told, watched.due = {}, -math.inf

    async def _serve(self, connection: db.Connection) -> None:
        """Read what is due, then hear for a moment what is notified."""
        self._back()
        watched_at = time.monotonic()
        while not self._leaving.is_set() and time.monotonic() - watched_at < LINGER_SECONDS:
            if self._viewers:
                watched_at = time.monotonic()
                await self._check(connection)
                await self._read(connection)
            heard = await self._hearing.jobs(connection, self._listens(self._watched))
            for job, watched in self._watched.items():
                # What names no job may be about any.
                if job in heard or None in heard:
                    watched.hurry()

    def _listens(self, keys: Iterable[Key]) -> float:
        """Seconds for which is listened: fewer where one of these has a viewer who knows nothing yet."""
        dues = (self._watched[key].due for key in keys if self._watched[key].newcomers)
        wanted = max(min(dues, default=math.inf), self._rested_at) - time.monotonic()
        return max(0.0, min(DEBOUNCE_SECONDS, wanted))

    async def _check(self, connection: db.Connection) -> None:
        """Whether this version may work with the database still; and end the streams of tokens that are gone."""
        if time.monotonic() - self._checked_at < CHECK_SECONDS:
            return
        self._checked_at = time.monotonic()
        await db.check_schema(connection)
        tokens = {viewer.token for viewer in self._viewers if viewer.token is not None}
        if not tokens:
            return
        cursor = await connection.execute(HOLDERS, (list(tokens),))
        for digest, name, scopes in await cursor.fetchall():
            if Identity(name, frozenset(scopes)).may("page", "read"):
                tokens.discard(bytes(digest))
        for viewer in self._viewers:
            if viewer.token in tokens:
                viewer.dismiss(SIGNED_OUT)

    def _due(self, key: Key) -> float:
        return self._watched[key].due

    async def _read(self, connection: db.Connection) -> None:
        """Read the jobs that are due in one statement, and tell what has changed."""
        began = time.monotonic()
        due = sorted((key for key, watched in self._watched.items() if watched.due <= began), key=self._due)
        asked = {key: self._watched[key] for key in due[:MOST_READ]}
        if not asked:
            return
        for watched in asked.values():
            # Whoever joins from now on is told by the next reading.
            watched.due = math.inf
        states: dict[Key, State] = {}
        for statement, keys in (
            (READ, [key for key in asked if isinstance(key, int)]),
            (READ_TOP, [key for key in asked if isinstance(key, str)]),
        ):
            if keys:
                states |= {state["id"]: state for state in json.loads(await db.value(connection, statement, keys))}
        now = time.monotonic()
        self._rested_at = now + SHARE * (now - began)
        for job, watched in asked.items():
            state = states.get(job)
            watched.earliest = now + SHARE * (now - began)
            # Half a turn earlier, so that it is the turn nearest to its time.
            watched.due = min(watched.due, max(began + _pause(state) - DEBOUNCE_SECONDS / 2, watched.earliest))
            for viewer in watched.publish(job, state):
                viewer.quiet_since = now


def _pause(state: State | None) -> float:
    """Seconds until a job is read again without a notification."""
    if state is None or state["final"]:
        return FINAL_SECONDS
    return MOVING_SECONDS if state["moving"] else RESTING_SECONDS
