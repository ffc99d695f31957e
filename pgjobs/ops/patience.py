"""A session of a command that shows something for long: it is opened again where it was lost."""

from __future__ import annotations

import asyncio
import contextlib
import time
from typing import Any, Self

import psycopg

from pgjobs.errors import PgjobsError
from pgjobs.pg import connection as db
from pgjobs.pg.hints import SERVER_AWAY, refused_for_good
from pgjobs.process import complain, said_by_database
from pgjobs.settings import Settings

ANSWER_SECONDS = 10.0
"""So long one answer may take."""
AWAY_SECONDS = 60.0
"""So long the database may be away in mid-way; then the command ends as any other one."""
PAUSE = 1.0


class StaysAwayError(PgjobsError):
    """The database was away for too long in mid-way."""


class Patient:
    """Asks the database; where the session is lost it says so once, and asks again in another one."""

    def __init__(self, settings: Settings, command: str) -> None:
        self._url = settings.database_url
        self._command = command
        self._connection: db.Connection | None = None
        self._was_there = False

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def connection(self) -> db.Connection:
        """A session that was open a moment ago."""
        if self._connection is None:
            connection = await db.connect(self._url, self._command, patience=ANSWER_SECONDS)
            self._connection = connection
            await db.check_schema(connection)
            self._was_there = True
        return self._connection

    async def ask(self, call: str, *args: object) -> Any:
        """The single value of an answer, at once or not at all."""
        try:
            return await db.value(await self.connection(), call, *args)
        except (psycopg.Error, OSError) as error:
            if db.must_reconnect(error):
                await self.close()
            raise

    async def value(self, call: str, *args: object) -> Any:
        """The single value of an answer, also where the database is away for a while."""
        until = None
        while True:
            try:
                return await self.ask(call, *args)
            except (psycopg.Error, OSError) as error:
                until = await self.outlast(error, until)

    async def outlast(self, error: psycopg.Error | OSError, until: float | None) -> float:
        """Wait a moment for a database that went away; until when it may stay away, which is said once.

        Raises the error where it does not pass by itself, and StaysAwayError where the time is over.
        """
        if db.must_reconnect(error):
            await self.close()
        if not self.may_come_back(error):
            raise error
        if until is None:
            until = time.monotonic() + AWAY_SECONDS
            complain(f"the database is away: {reason(error)}", f"it is asked again for {AWAY_SECONDS:.0f} s")
        elif time.monotonic() > until:
            raise StaysAwayError(f"the database stays away: {reason(error)}", SERVER_AWAY) from error
        await asyncio.sleep(PAUSE)
        return until

    def may_come_back(self, error: BaseException) -> bool:
        """Whether it has answered before, and this error passes by itself."""
        return self._was_there and db.passes_by_itself(error) and not refused_for_good(error)

    async def close(self) -> None:
        """End the session."""
        if self._connection is not None:
            connection, self._connection = self._connection, None
            with contextlib.suppress(psycopg.Error, OSError):
                await connection.close()


def reason(error: psycopg.Error | OSError) -> str:
    """What an error of the database, or of the way to it, says."""
    return said_by_database(error)[0] if isinstance(error, psycopg.Error) else str(error)
