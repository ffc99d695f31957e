"""Limits of HTTP connections: how many, and how long a client may take."""

from __future__ import annotations

import resource
from dataclasses import dataclass

from starlette.types import Scope

BACKLOG = 64
"""Connections that the kernel keeps until they are accepted. So many may be accepted in one turn of the event loop, and
those above the limit are closed only in the next turn."""
RESERVED = 100
"""Descriptors for everything else: connections to the database, logs, the event loop."""
FEWEST = 16


@dataclass(frozen=True)
class Limits:
    """How many connections may be open, and how many seconds a client may take.

    A file that is uploaded may take longer than other bodies, as long as so many bytes come in so many seconds.
    """

    connections: int
    request_seconds: float = 10.0
    send_seconds: float = 60.0
    upload_seconds: float = 30.0
    upload_bytes: int = 16 * 1024

    def too_slow(self, *, upload: bool) -> str:
        """What is said to a client that took longer."""
        if upload:
            return f"less than {self.upload_bytes:,} bytes of the file came within {self.upload_seconds:g} s"
        return f"the request was not complete within {self.request_seconds:g} s"


LONG_BODY = "long_body"
"""Name of the ASGI extension by which a handler asks for the time of an upload."""


def allow_long_body(scope: Scope) -> None:
    """Let the body of this request take as long as an upload may; without effect where nothing is limited."""
    extension = scope.get("extensions", {}).get(LONG_BODY)
    if extension is not None:
        extension()


def connection_limit(wanted: int) -> int:
    """`wanted`, or fewer where the process may not open so many descriptors."""
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == resource.RLIM_INFINITY:
        return wanted
    return max(FEWEST, min(wanted, soft - RESERVED - 2 * BACKLOG))
