"""How much room the volume of the job logs has; asked in a thread, for a file system that is away does not answer."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

from pgjobs.metrics import Metrics


class LogVolume:
    """Measures at most one time at once: while there is no answer, the last one stands."""

    def __init__(self, folder: Path, metrics: Metrics) -> None:
        self._folder = folder
        self._metrics = metrics
        self._measuring: asyncio.Task[None] | None = None

    async def measure(self, patience: float) -> None:
        """Measure, and wait so long for the answer."""
        if self._measuring is None or self._measuring.done():
            self._measuring = asyncio.create_task(self._measure())
        await asyncio.wait((self._measuring,), timeout=patience)

    async def _measure(self) -> None:
        try:
            found = await asyncio.to_thread(os.statvfs, self._folder)
        except OSError:
            return  # doctor and the jobs themselves say what is wrong with it
        self._metrics.log_volume_size.set(found.f_frsize * found.f_blocks)
        self._metrics.log_volume_free.set(found.f_frsize * found.f_bavail)
