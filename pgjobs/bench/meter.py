"""Processor time and memory of process trees, read from /proc."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Mapping
from pathlib import Path

import psutil

Trees = Mapping[str, int | tuple[int, ...] | None]
"""Process trees by name: the pid of the root, or several that count together; None: not on this machine."""


def cpu_seconds(pid: int) -> float:
    """User and system time of a process, its descendants, and all descendants that have ended."""
    total = 0.0
    with contextlib.suppress(psutil.NoSuchProcess):
        root = psutil.Process(pid)
        for process in (root, *root.children(recursive=True)):
            with contextlib.suppress(psutil.NoSuchProcess):
                spent = process.cpu_times()
                total += spent.user + spent.system + spent.children_user + spent.children_system
    return total


def peak_mb(pid: int | str = "self") -> float | None:
    """The most memory a process has had resident, in MB."""
    with contextlib.suppress(OSError):
        for line in Path(f"/proc/{pid}/status").read_text().splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) / 1024
    return None


def forget_peak(pid: int) -> None:
    """Let the peak of a process begin at what it has now; where that is not allowed, it goes on."""
    with contextlib.suppress(OSError):
        Path(f"/proc/{pid}/clear_refs").write_text("5")


class Watch:
    """What process trees spend from its making on."""

    def __init__(self, trees: Trees) -> None:
        known = ((name, pids) for name, pids in trees.items() if pids is not None)
        self._trees = {name: pids if isinstance(pids, tuple) else (pids,) for name, pids in known}
        self._before = self._now()

    def _now(self) -> dict[str, float]:
        return {name: sum(map(cpu_seconds, pids)) for name, pids in self._trees.items()}

    def spent(self) -> dict[str, float]:
        """Seconds by name."""
        return {name: seconds - self._before[name] for name, seconds in self._now().items()}


def rest(trees: Trees, seconds: float, busy: float = 0.15) -> None:
    """Wait until the servers have cleared up behind the measurement before, at most so long."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        watch = Watch(trees)
        time.sleep(0.3)
        if sum(watch.spent().values()) < busy * 0.3:
            return
