"""What people do about the items of a job: send some of them again, or close all that are open."""

from __future__ import annotations

from typing import Any

from pgjobs.pg import connection as db
from pgjobs.settings import Settings


async def retry(settings: Settings, job: int, which: str | None) -> tuple[int, str]:
    """Insert a job over these records of another one; its number, and which ones they are."""
    again = await _ask(settings, "retry", "select pgjobs.retry_job(%s, %s)", job, which)
    return int(again["id"]), str(again["params"]["source"]).rpartition(".")[2]


async def cancel(settings: Settings, job: int) -> None:
    """Stop a job for good and close its open items."""
    await _ask(settings, "cancel", "select pgjobs.cancel_job(%s)", job)


async def _ask(settings: Settings, name: str, call: str, *args: object) -> Any:
    async with await db.connect(settings.database_url, name) as connection:
        await db.check_schema(connection)
        return await db.value(connection, call, *args)
