"""What people do about the items of a job: send some of them again, or close all that are open."""

from __future__ import annotations

import json

from pgjobs.ops.asking import answer
from pgjobs.ops.printed import harmless
from pgjobs.settings import Settings


async def retry(settings: Settings, job: int, which: str | None, *, as_json: bool) -> str:
    """Insert a job over these records of another one: its number and which ones they are, or the new job as JSON."""
    said = await answer(settings, "retry", "select pgjobs.retry_job(%s, %s)::text", job, which)
    if as_json:
        return harmless(said)
    again = json.loads(said)
    chosen = str(again["params"]["source"]).rpartition(".")[2]
    return f"job {again['id']} sends again the records of job {job} that are: {chosen}"


async def cancel(settings: Settings, job: int, *, as_json: bool) -> str:
    """Stop a job for good and close its open items."""
    said = await answer(settings, "cancel", "select pgjobs.cancel_job(%s)::text", job)
    return harmless(said) if as_json else f"job {job} is cancelled for good"
