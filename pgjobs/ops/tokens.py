"""Tokens for HTTP: made here, shown once, and stored in the database as a digest only."""

from __future__ import annotations

import hashlib
import secrets
from datetime import UTC, datetime, timedelta

from pgjobs.pg import connection as db
from pgjobs.settings import Settings


def make_token() -> tuple[str, bytes]:
    """A new token, shown once, and its SHA-256, which is all that pgjobs.add_token() gets to know."""
    token = secrets.token_urlsafe(32)
    return token, hashlib.sha256(token.encode()).digest()


async def add(settings: Settings, name: str, scope: str, days: int | None) -> str:
    """Let a new token in, for so many days or for good, and return it; nobody can look it up again."""
    token, digest = make_token()
    expires_at = datetime.now(UTC) + timedelta(days=days) if days else None
    async with await db.connect(settings.database_url, "token") as connection:
        await db.check_schema(connection)
        await connection.execute("select pgjobs.add_token(%s, %s, %s, %s)", (name, digest, scope, expires_at))
    return token


async def listed(settings: Settings) -> list[str]:
    """A line for each token: its name, what it may do, when it was made and when it ends."""
    async with await db.connect(settings.database_url, "token") as connection:
        await db.check_schema(connection)
        rows = await (await connection.execute("select * from pgjobs.list_tokens()")).fetchall()
    width = max((len(row[0]) for row in rows), default=0)
    return [
        f"{name:<{width}}  {scope:<7}  made {_moment(created_at)}  {_end(expires_at, expired=expired)}"
        for name, scope, created_at, expires_at, expired in rows
    ]


def _end(expires_at: datetime | None, *, expired: bool) -> str:
    if expires_at is None:
        return "never expires"
    return f"{'expired' if expired else 'expires'} {_moment(expires_at)}"


def _moment(at: datetime) -> str:
    return f"{at.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"


async def drop(settings: Settings, name: str) -> None:
    """Lock a token out at once."""
    async with await db.connect(settings.database_url, "token") as connection:
        await db.check_schema(connection)
        await connection.execute("select pgjobs.drop_token(%s)", (name,))
