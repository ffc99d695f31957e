"""Temporary files in memory: to make a database takes a tenth of the time there. For tests, which no power fails."""

from __future__ import annotations

import os
import re
import tempfile
from pathlib import Path

MEMORY = Path("/dev/shm")  # noqa: S108 every user's folder is made there by mkdtemp
ROOM = 4 << 30
"""Bytes that are to be free there, and half as much again in the machine."""


def use_memory() -> None:
    """Have this process and its children make temporary files in memory, where there is room.

    A TMPDIR that somebody chose stays.
    """
    if "TMPDIR" not in os.environ and _has_room():
        os.environ["TMPDIR"] = str(MEMORY)
        tempfile.tempdir = None


def _has_room() -> bool:
    if not os.access(MEMORY, os.W_OK | os.X_OK):
        return False
    found = os.statvfs(MEMORY)
    available = re.findall(r"MemAvailable: +(\d+) kB", Path("/proc/meminfo").read_text())
    return (
        not found.f_flag & os.ST_NOEXEC
        and found.f_bavail * found.f_frsize >= ROOM
        and int(available[0] if available else 0) << 10 >= ROOM + ROOM // 2
    )
