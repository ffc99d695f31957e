"""Tokens of the HTTP door: made here, shown once, known to the database by their digest only."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from pgjobs.pg import connection as db
from pgjobs.settings import Settings
from pgjobs.web.identity import make_token


async def add(settings: Settings, name: str, scope: str, days: int | None) -> str:
    """Let a new token in, for so many days or for good, and return it; nobody can look it up again."""
    token, digest = make_token()
    expires_at = datetime.now(UTC) + timedelta(days=days) if days else None
    async with await db.connect(settings.database_url, "token") as connection:
        await db.check_schema(connection)
        await connection.execute("select pgjobs.add_token(%s, %s, %s, %s)", (name, digest, scope, expires_at))
    return token


async def drop(settings: Settings, name: str) -> None:
    """Lock a token out at once."""
    async with await db.connect(settings.database_url, "token") as connection:
        await db.check_schema(connection)
        await connection.execute("select pgjobs.drop_token(%s)", (name,))
