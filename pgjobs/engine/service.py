"""The daemon as a process: its settings, what has to be right before it starts, its event loop."""

from __future__ import annotations

import asyncio
import gc

from pgjobs.broker.url import check_broker_url
from pgjobs.engine import daemon
from pgjobs.process import ready_settings

GARBAGE = 20_000
"""Objects that are made before Python looks for garbage: of a hundred runs side by side hardly any is garbage yet."""


def main() -> None:
    """Run a daemon with the settings of this process until it is told to end."""
    settings = ready_settings("database_url", "amqp_url")
    check_broker_url(settings.amqp_url)
    settings.need_log_dir()
    # What was imported stays, and is not looked at again and again.
    gc.freeze()
    gc.set_threshold(GARBAGE)
    asyncio.run(daemon.run(settings))
