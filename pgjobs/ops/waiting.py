"""Wait for the end of a job that was just created, and show it meanwhile or then."""

from __future__ import annotations

from pgjobs.ops import looking
from pgjobs.ops.patience import Patient, StaysAwayError
from pgjobs.ops.printed import say
from pgjobs.ops.progress import patient_looks
from pgjobs.ops.watch import not_known, watch
from pgjobs.settings import Settings


async def wait(settings: Settings, job: int, *, as_json: bool) -> int:
    """The codes of watch. As JSON: nothing is shown but the job as it has ended."""
    if not as_json:
        return await watch(settings, job, as_json=False)
    async with Patient(settings, "watch") as database:
        try:
            async for look in patient_looks(database, job):
                last = look
        except StaysAwayError as error:
            return not_known(error, job)
    say(await looking.job(settings, job, as_json=True))
    return 0 if last.status == "done" else 1
