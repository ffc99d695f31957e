"""Something small that is done with a channel again and again, at a steady pace, while a measurement runs."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any, Self

import pika

from pgjobs.bench.lab import Lab
from pgjobs.bench.workers import BenchError


class Ticker:
    """Acts every so many seconds in a thread of its own while the block runs; what it is late for it makes up for."""

    def __init__(self, lab: Lab, seconds: float, act: Callable[[Any], None]) -> None:
        self._lab, self._seconds, self._act = lab, seconds, act
        self._over = threading.Event()
        self._error: pika.exceptions.AMQPError | None = None
        self._thread = threading.Thread(target=self._run, name="ticker", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, kind: object, *_: object) -> None:
        self._over.set()
        self._thread.join(10)
        if self._error is not None and kind is None:
            raise BenchError(f"a channel of the measurement was lost: {self._error!r}") from self._error

    def _run(self) -> None:
        try:
            with self._lab.channel() as channel:
                due = time.monotonic()
                while not self._over.wait(max(0.0, due - time.monotonic())):
                    due += self._seconds
                    self._act(channel)
        except pika.exceptions.AMQPError as error:
            self._error = error
