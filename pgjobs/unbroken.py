"""Blocking work in a thread that nobody may leave half-way: whoever waits for it waits to its end."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")


async def unbroken(work: Callable[P, T], *args: P.args, **named: P.kwargs) -> T:
    """Do it in a thread, and wait to the end, also when cancelled: it uses a descriptor that the caller will close."""
    task = asyncio.ensure_future(asyncio.to_thread(work, *args, **named))
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        await asyncio.wait((task,))
        raise
