"""An agent of the benchmark: takes messages, answers each as good, and acknowledges it once its answer is confirmed.

`python -m pgjobs.bench.answering QUEUE TOGETHER`: so many answers go into one message; SIGTERM ends it.
"""

from __future__ import annotations

import json
import os
import signal
import sys
from collections import deque
from typing import Any

import pika

PREFETCH = 4000
FLUSH_SECONDS = 0.02
"""What is gathered is answered after so long, even if there is not more."""
ANSWER = {"status": "good", "result": "SUCCESSFUL"}
ONE = json.dumps(ANSWER).encode()


def properties(correlation_id: str | None) -> pika.BasicProperties:
    """Those of an answer; one of several answers together has no correlation id."""
    return pika.BasicProperties(content_type="application/json", delivery_mode=2, correlation_id=correlation_id)


class Answering:
    """Answers on one channel, in the order of the messages."""

    def __init__(self, queue: str, together: int) -> None:
        self._queue = queue
        self._together = together
        self._channel: Any = None
        self._gathered: list[str] = []
        self._reply_to = ""
        self._last = 0
        self._published = 0
        self._unconfirmed: deque[tuple[int, int]] = deque()
        """Answers in flight: their number, and the message that can be acknowledged with them."""

    def begin(self, connection: pika.SelectConnection) -> None:
        """Open the channel and consume."""
        connection.channel(on_open_callback=self._opened)
        self._tick(connection)

    def _tick(self, connection: pika.SelectConnection) -> None:
        self._flush()
        connection.ioloop.call_later(FLUSH_SECONDS, lambda: self._tick(connection))

    def _opened(self, channel: Any) -> None:
        self._channel = channel
        channel.confirm_delivery(self._confirmed)
        channel.basic_qos(prefetch_count=PREFETCH)
        channel.basic_consume(self._queue, self._take)

    def _take(self, _channel: Any, method: Any, asked: pika.BasicProperties, _body: bytes) -> None:
        self._reply_to, self._last = str(asked.reply_to), method.delivery_tag
        if self._together == 1:
            self._publish(ONE, asked.correlation_id)
            return
        self._gathered.append(str(asked.correlation_id))
        if len(self._gathered) >= self._together:
            self._flush()

    def _flush(self) -> None:
        if self._gathered:
            self._publish(json.dumps([{"id": each, **ANSWER} for each in self._gathered]).encode(), None)
            self._gathered.clear()

    def _publish(self, body: bytes, correlation_id: str | None) -> None:
        self._channel.basic_publish("", self._reply_to, body, properties(correlation_id))
        self._published += 1
        self._unconfirmed.append((self._published, self._last))

    def _confirmed(self, frame: Any) -> None:
        number, tag = frame.method.delivery_tag, None
        while self._unconfirmed and self._unconfirmed[0][0] <= number:
            _, tag = self._unconfirmed.popleft()
        if tag is not None:
            self._channel.basic_ack(tag, multiple=True)


def main() -> None:
    """Answer until SIGTERM; what is not acknowledged goes back to its queue."""
    queue, together = sys.argv[1], int(sys.argv[2])
    signal.signal(signal.SIGTERM, lambda *_: os._exit(0))
    answering = Answering(queue, together)
    parameters = pika.URLParameters(os.environ["PGJOBS_AMQP_URL"])
    pika.SelectConnection(parameters, on_open_callback=answering.begin).ioloop.start()


if __name__ == "__main__":
    main()
