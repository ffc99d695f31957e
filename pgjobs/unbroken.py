"""Blocking work in a thread that nobody may leave half-way: whoever waits for it waits to its end."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")


async def unbroken(work: Callable[P, T], *args: P.args, **named: P.kwargs) -> T:
    """Do it in a thread, and wait to the end, however often cancelled: it uses what the caller will close."""
    task = asyncio.ensure_future(asyncio.to_thread(work, *args, **named))
    cancelled: asyncio.CancelledError | None = None
    while not task.done():
        try:
            await asyncio.wait((task,))
        except asyncio.CancelledError as error:
            cancelled = error
    if cancelled is not None:
        task.exception()  # looked at, so that asyncio does not report it as lost
        raise cancelled
    return task.result()
