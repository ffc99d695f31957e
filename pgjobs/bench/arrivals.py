"""When messages come out of a queue: a consumer in a thread of its own that notes the first message of each job."""

from __future__ import annotations

import threading
import time
from typing import Any, Self

import pika

from pgjobs.bench.lab import Lab
from pgjobs.bench.workers import BenchError


class Arrivals:
    """Consumes a queue while the block runs; without acknowledging it sees one message and leaves it there."""

    def __init__(self, lab: Lab, queue: str, *, acknowledge: bool = True) -> None:
        self._acknowledge = acknowledge
        self._connection = pika.BlockingConnection(pika.URLParameters(lab.amqp_url))
        self._channel = self._connection.channel()
        self._channel.basic_qos(prefetch_count=1000 if acknowledge else 1)
        self._channel.basic_consume(queue, self._on_message)
        self._first: dict[int, float] = {}
        self._news = threading.Condition()
        self._thread = threading.Thread(target=self._channel.start_consuming, name="arrivals", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._connection.add_callback_threadsafe(self._channel.stop_consuming)
        self._thread.join(10)
        if not self._thread.is_alive():
            self._connection.close()

    def first(self, job_id: int, seconds: float = 60.0) -> float:
        """The moment (monotonic) at which the first message of a job came."""
        with self._news:
            if not self._news.wait_for(lambda: job_id in self._first, seconds):
                raise BenchError(f"no message of job {job_id} came within {seconds:.0f} s")
            return self._first[job_id]

    def _on_message(self, channel: Any, method: Any, properties: Any, _body: bytes) -> None:
        now = time.monotonic()
        job_id = int(properties.message_id.split("-")[0])
        if job_id not in self._first:
            with self._news:
                self._first[job_id] = now
                self._news.notify_all()
        if self._acknowledge:
            channel.basic_ack(method.delivery_tag)
