"""Growing pauses between attempts, with some jitter so that daemons do not all try at the same moment."""

from __future__ import annotations

import asyncio
import random


class Backoff:
    """1, 2, 4, … seconds up to `most`, each lengthened by up to a fifth; never more than one attempt a second."""

    def __init__(self, most: float = 10.0) -> None:
        self._most = most
        self._attempt = 0

    def reset(self) -> None:
        """It works again: the next pause is a short one."""
        self._attempt = 0

    async def pause(self) -> None:
        """Wait before the next attempt."""
        seconds = min(self._most, 2.0**self._attempt) * random.uniform(1.0, 1.2)  # noqa: S311 not a secret
        self._attempt = min(self._attempt + 1, 10)
        await asyncio.sleep(seconds)


async def set_within(event: asyncio.Event, seconds: float) -> bool:
    """Wait for an event, but no longer than so many seconds; whether it was set."""
    try:
        async with asyncio.timeout(seconds):
            await event.wait()
    except TimeoutError:
        return False
    return True
