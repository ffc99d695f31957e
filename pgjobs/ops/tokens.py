"""Tokens for HTTP: made here, shown once, and stored in the database as a digest only."""

from __future__ import annotations

import hashlib
import json
import secrets
from datetime import UTC, datetime, timedelta

from pgjobs.errors import SettingsError
from pgjobs.ops.printed import harmless
from pgjobs.pg import connection as db
from pgjobs.settings import Settings
from pgjobs.words import visible

LIST = "select coalesce(jsonb_agg(to_jsonb(t) order by t.name), '[]')::text from pgjobs.list_tokens() t"


def make_token() -> tuple[str, bytes]:
    """A new token, shown once, and its SHA-256, which is all that pgjobs.add_token() gets to know."""
    token = secrets.token_urlsafe(32)
    return token, hashlib.sha256(token.encode()).digest()


def read_record(pairs: list[str] | None) -> dict[str, str]:
    """What --set says of the holder of a token, NAME=VALUE each."""
    record: dict[str, str] = {}
    for pair in pairs or ():
        name, _, value = pair.partition("=")
        if not name or "=" not in pair:
            raise SettingsError(f"--set {pair!r} is no NAME=VALUE", 'write it as in --set org_name="PSF Mechanical"')
        if not value.strip():
            raise SettingsError(f"--set {pair!r} has no value", "give it one, or leave it out")
        if name in record:
            raise SettingsError(f"--set {pair!r}: {name} is given twice", "give each name once")
        record[name] = value
    return record


async def add(settings: Settings, name: str, scopes: list[str], days: int | None, record: dict[str, str]) -> str:
    """Let a new token in, for so many days or for good, and return it; nobody can look it up again."""
    token, digest = make_token()
    expires_at = datetime.now(UTC) + timedelta(days=days) if days else None
    async with await db.connect(settings.database_url, "token") as connection:
        await db.check_schema(connection)
        adding = "select pgjobs.add_token(%s, %s, %s, %s, %s)"
        await connection.execute(adding, (name, digest, scopes, expires_at, json.dumps(record)))
    return token


async def listed(settings: Settings, *, as_json: bool = False) -> list[str]:
    """A line for each token: its name, what it may do, when it was made and when it ends; or all of them as JSON."""
    async with await db.connect(settings.database_url, "token") as connection:
        await db.check_schema(connection)
        if as_json:
            return [harmless(await db.value(connection, LIST))]
        rows = await (await connection.execute("select * from pgjobs.list_tokens()")).fetchall()
    width = max((len(visible(row[0])) for row in rows), default=0)
    wide = max((len(",".join(row[1])) for row in rows), default=0)
    return [
        f"{visible(name):<{width}}  {','.join(scopes):<{wide}}  made {_moment(made)}  {_end(ends, expired=expired)}"
        for name, scopes, made, ends, expired in rows
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
