"""Limits of HTTP connections: how many, and how long a client may take."""

from __future__ import annotations

import resource
from dataclasses import dataclass

BACKLOG = 64
"""Connections that the kernel keeps until they are accepted. So many may be accepted in one turn of the event loop, and
those above the limit are closed only in the next turn."""
RESERVED = 100
"""Descriptors for everything else: connections to the database, logs, the event loop."""
FEWEST = 16


@dataclass(frozen=True)
class Limits:
    """How many connections may be open, and how many seconds a client may take."""

    connections: int
    request_seconds: float = 10.0
    send_seconds: float = 60.0


def connection_limit(wanted: int) -> int:
    """`wanted`, or fewer where the process may not open so many descriptors."""
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == resource.RLIM_INFINITY:
        return wanted
    return max(FEWEST, min(wanted, soft - RESERVED - 2 * BACKLOG))
