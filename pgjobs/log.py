"""The service's own log: logfmt-like lines on standard error, for people and for journald."""

from __future__ import annotations

import logging
import time


def configure(level: str) -> None:
    """Set up logging of this process; times are UTC."""
    formatter = logging.Formatter("%(asctime)sZ %(levelname)s %(name)s: %(message)s", "%Y-%m-%dT%H:%M:%S")
    formatter.converter = time.gmtime
    handler = logging.StreamHandler()
    handler.setFormatter(formatter)
    logging.basicConfig(level=level, handlers=[handler], force=True)
    for chatty in ("pika", "httpx", "httpcore", "yoyo", "asyncio"):
        logging.getLogger(chatty).setLevel(logging.CRITICAL)
