"""A transport that sends the head of an answer together with its body.

uvicorn writes them one after the other. Each piece would be a call of the system, a packet and a wake-up of the client.
"""

from __future__ import annotations

import asyncio
from typing import Any

SMALL = 1024
"""Pieces of so many bytes wait for the next one, until the end of this turn of the event loop at most."""


class Joined:
    """A transport of asyncio; what is not named here is as the transport has it."""

    def __init__(self, transport: asyncio.Transport, loop: asyncio.AbstractEventLoop) -> None:
        self._transport = transport
        self._loop = loop
        self._held = b""

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)

    def write(self, data: bytes) -> None:
        """Send, a small piece together with the next one."""
        if self._held and data:
            data, self._held = self._held + data, b""
            self._transport.write(data)
        elif len(data) > SMALL:
            self._transport.write(data)
        elif data:
            self._held = data
            self._loop.call_soon(self.flush)

    def flush(self) -> None:
        """Send what still waits."""
        if self._held:
            data, self._held = self._held, b""
            self._transport.write(data)

    def close(self) -> None:
        """Close, once everything is sent."""
        self.flush()
        self._transport.close()
