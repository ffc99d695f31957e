"""The kill switch: hold all jobs at once, and let them go on."""

from __future__ import annotations

from pgjobs.pg import connection as db
from pgjobs.settings import Settings


async def hold(settings: Settings, reason: str) -> None:
    """Let no job publish anything, or begin, until they are released."""
    await _call(settings, "hold", "select pgjobs.hold_all(%s)", reason)


async def release(settings: Settings) -> None:
    """Let every job go on where it was."""
    await _call(settings, "release", "select pgjobs.release_all()")


async def _call(settings: Settings, name: str, call: str, *args: str) -> None:
    async with await db.connect(settings.database_url, name) as connection:
        await db.check_schema(connection)
        await connection.execute(call.encode(), args)
