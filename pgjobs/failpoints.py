"""Faults on purpose, for tests: `PGJOBS_FAULT=point:n` strikes when a point is passed for the n-th time.

At a crash point the process dies as by kill -9; at a failing call the call fails as the operating system or a server
would make it fail. Nothing is armed by default, and then a point costs one look at an empty dictionary.
"""

from __future__ import annotations

import errno
import os
import re
import signal

import psycopg

from pgjobs.errors import Interrupted, SettingsError

CRASHES = (
    "after_claim",
    "after_load",
    "after_measure",
    "after_prepare",
    "after_log_open",
    "after_open",
    "after_fetch",
    "after_announce",
    "after_publish",
    "after_confirm",
    "mid_log_write",
    "before_sync",
    "after_sync",
    "after_checkpoint",
    "at_rotation",
    "before_finish",
    "after_finish",
    "before_release",
    "after_callback",
)
ITEM_CRASHES = ("after_expand", "before_answers", "after_answers", "after_report")
"""What only jobs whose records are kept as items pass, and the daemons that take their answers."""
FAILURES: dict[str, Exception] = {
    "log_full": OSError(errno.ENOSPC, "No space left on device"),
    "log_sync": OSError(errno.EIO, "Input/output error"),
    "sql": psycopg.OperationalError("a fault on purpose: the server closed the connection"),
    "publish": Interrupted("a fault on purpose: the connection broke while publishing"),
    "connect": OSError(errno.ECONNREFUSED, "Connection refused"),
}
SHORT_WRITE = "short_write"
NO_SELF_FENCE = "no_self_fence"
"""Not a fault but the loss of a guard: an owner trusts its lease however old it is."""

KNOWN = (*CRASHES, *ITEM_CRASHES, *FAILURES, SHORT_WRITE, NO_SELF_FENCE)

_armed: dict[str, int] = {}


def arm(text: str) -> None:
    """Arm the faults named as point:n, separated by commas; an empty text disarms."""
    _armed.clear()
    for each in filter(None, text.split(",")):
        point, _, count = each.partition(":")
        if point not in KNOWN or not re.fullmatch("[1-9][0-9]{0,8}", count):
            raise SettingsError(
                f"PGJOBS_FAULT {each[:40]!r}: there is no such fault",
                "write point:n with one of " + ", ".join(KNOWN),
            )
        _armed[point] = int(count)


def _strikes(point: str) -> bool:
    if point not in _armed:
        return False
    _armed[point] -= 1
    if _armed[point] == 0:
        del _armed[point]
        return True
    return False


def armed(point: str) -> bool:
    """Whether a point is armed, without passing it."""
    return point in _armed


def reach(point: str) -> None:
    """Pass a crash point."""
    if _armed and _strikes(point):
        os.kill(os.getpid(), signal.SIGKILL)


def fail(call: str) -> None:
    """Be about to make a call that may fail."""
    if _armed and _strikes(call):
        raise FAILURES[call]


def write(fd: int, data: memoryview) -> int:
    """os.write, which may be told to write only a part, to fail, or to die half-way."""
    if _armed:
        half = data[: max(1, len(data) // 2)]
        if _strikes("mid_log_write"):
            os.write(fd, half)
            os.kill(os.getpid(), signal.SIGKILL)
        if _strikes(SHORT_WRITE):
            return os.write(fd, half)
        if _strikes("log_full"):
            os.write(fd, half)
            raise FAILURES["log_full"]
    return os.write(fd, data)
