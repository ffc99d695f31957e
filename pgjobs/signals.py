"""The signals that ask a process to end."""

from __future__ import annotations

import signal


def asking_to_end() -> list[signal.Signals]:
    """SIGTERM, SIGINT and SIGHUP; under nohup SIGHUP is ignored, and stays so."""
    asked = [signal.SIGTERM, signal.SIGINT]
    if signal.getsignal(signal.SIGHUP) != signal.SIG_IGN:
        asked.append(signal.SIGHUP)
    return asked
