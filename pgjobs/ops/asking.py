"""One question of a command to the database: a call of a function, in a session with the name of the command."""

from __future__ import annotations

from typing import Any

from pgjobs.errors import JOBS_ARE_LISTED, PgjobsError
from pgjobs.pg import connection as db
from pgjobs.settings import Settings


async def answer(settings: Settings, command: str, call: str, *args: object) -> Any:
    """The single value of an answer; None where there is no row."""
    async with await db.connect(settings.database_url, command) as connection:
        await db.check_schema(connection)
        return await db.value(connection, call, *args)


async def about_job(settings: Settings, command: str, call: str, job: int) -> str:
    """The answer to a question about a job, as text; refused where there is none."""
    said = await answer(settings, command, call, job)
    if said is None:
        raise unknown(job)
    return str(said)


def unknown(job: int) -> PgjobsError:
    """What is said of a job that there is not."""
    return PgjobsError(f"there is no job {job}", JOBS_ARE_LISTED)
