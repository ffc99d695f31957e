"""Wait for the end of a job that was just created, and show it meanwhile or then."""

from __future__ import annotations

from pgjobs.ops import looking
from pgjobs.ops.printed import say
from pgjobs.ops.watch import looks, watch
from pgjobs.pg import connection as db
from pgjobs.settings import Settings


async def wait(settings: Settings, job: int, *, as_json: bool) -> int:
    """0 when it is done, 1 when it was stopped or broke off. As JSON: nothing is shown but the job as it has ended."""
    if not as_json:
        return await watch(settings, job, as_json=False)
    async with await db.connect(settings.database_url, "watch") as connection:
        async for look in looks(connection, job):
            last = look
    say(await looking.job(settings, job, as_json=True))
    return 0 if last.status == "done" else 1
