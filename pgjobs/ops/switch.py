"""The kill switch: hold all jobs at once, and let them go on."""

from __future__ import annotations

from pgjobs.ops.asking import answer
from pgjobs.settings import Settings


async def hold(settings: Settings, reason: str) -> None:
    """Let no job publish anything, or begin, until they are released."""
    await answer(settings, "hold", "select pgjobs.hold_all(%s)", reason)


async def release(settings: Settings) -> bool:
    """Let every job go on where it was; whether anything was held."""
    return bool(await answer(settings, "release", "select s.held, pgjobs.release_all() from pgjobs.switch s"))
