"""A man in the middle: hands messages on to the agents and their answers to the engine, some twice, late or never."""

from __future__ import annotations

import contextlib
import heapq
import itertools
import json
import threading
import time
from collections.abc import Callable
from copy import copy
from dataclasses import dataclass
from functools import partial
from typing import Any

import pika
from pika.exceptions import AMQPError

from pgjobs.torture.tracked.agents import LATE_SECONDS
from pgjobs.torture.tracked.book import Book
from pgjobs.torture.tracked.conduct import LIMIT_SECONDS, conduct

Way = Callable[[Any, Any, Any, bytes], None]
"""What is done with a message that has come: channel, method, properties, body."""
PREFETCH = 4000
GARBAGE = (
    b"no JSON",
    b'{"result": "SUCCESSFUL"}',
    b'["SUCCESSFUL"]',
    b'{"id": "999999999-1", "status": "good"}',
    b'{"error": "Traceback"}',
    b"\xff\xfe",
    b"[" * 5000,
)
"""Answers that are of no use to anybody."""
FAULTS = ("no_json", "no_correlation", "no_object", "no_outcome", "unknown")
"""What the engine may count of them."""


@dataclass(frozen=True)
class Queues:
    """Names: what the engine sends to and is answered on, and what the agents take from and answer to."""

    launches: str
    work: str
    answers: str
    replies: str

    def all(self) -> tuple[str, ...]:
        """All of them."""
        return self.launches, self.work, self.answers, self.replies


class GoBetween(threading.Thread):
    """Acknowledges nothing before the broker has confirmed what it has made of it."""

    def __init__(self, amqp_url: str, queues: Queues, seed: int, book: Book) -> None:
        super().__init__(name="torture-between", daemon=True)
        self._url = amqp_url
        self._queues = queues
        self._seed = seed
        self._book = book
        self._ended = threading.Event()
        self._came: list[tuple[Way, Any, Any, bytes]] = []
        self._held: list[tuple[float, int, Callable[[], None]]] = []
        self._number = itertools.count()
        self._garbage = 0
        self.generation = 0

    @property
    def idle(self) -> bool:
        """Whether it holds nothing."""
        return not self._held and not self._came and not self._garbage

    def litter(self) -> None:
        """Send the engine answers that are of no use."""
        self._garbage += 1

    def run(self) -> None:
        """Work until it is closed, on a connection that comes back."""
        while not self._ended.is_set():
            try:
                self._work()
            except (AMQPError, OSError) as error:
                self._book.troubles[f"go-between: {type(error).__name__}"] += 1
            self._ended.wait(0.2)

    def close(self) -> None:
        """End it."""
        self._ended.set()
        self.join(30)

    def _work(self) -> None:
        self.generation += 1
        self._came.clear()
        self._held.clear()
        parameters = pika.URLParameters(self._url)
        parameters.socket_timeout = parameters.blocked_connection_timeout = 20
        with contextlib.closing(pika.BlockingConnection(parameters)) as connection:
            channel = connection.channel()
            channel.confirm_delivery()
            channel.basic_qos(prefetch_count=PREFETCH)
            channel.basic_consume(self._queues.launches, partial(self._note, self._launch))
            channel.basic_consume(self._queues.answers, partial(self._note, self._answer))
            while not self._ended.is_set():
                connection.process_data_events(0.05 if not self._came else 0)
                while self._came:
                    what, method, properties, body = self._came[0]
                    what(channel, method, properties, body)
                    self._came.pop(0)
                while self._held and self._held[0][0] <= time.monotonic():
                    self._held[0][2]()
                    heapq.heappop(self._held)
                while self._garbage:
                    for body in GARBAGE:
                        self._put(channel, self._queues.replies, pika.BasicProperties(), body)
                    self._garbage -= 1

    def _note(self, what: Way, _channel: Any, method: Any, properties: Any, body: bytes) -> None:
        self._came.append((what, method, properties, body))

    @staticmethod
    def _put(channel: Any, queue: str, properties: Any, body: bytes) -> None:
        """Publish, and return when it is confirmed."""
        channel.basic_publish("", queue, body, properties, mandatory=True)

    def _launch(self, channel: Any, method: Any, properties: Any, body: bytes) -> None:
        self._book.saw(properties, self.generation, redelivered=method.redelivered)
        own = copy(properties)
        own.reply_to = self._queues.answers
        self._put(channel, self._queues.work, own, body)
        channel.basic_ack(method.delivery_tag)

    def _answer(self, channel: Any, method: Any, properties: Any, body: bytes) -> None:
        """Do with an answer what is planned for it; beats and what is not the last word go straight on."""
        said = json.loads(body)
        job_type = self._book.type_of(properties.correlation_id)
        if properties.type == "agent" or job_type is None or said["status"] in ("partial", "ack"):
            self._put(channel, self._queues.replies, properties, body)
            channel.basic_ack(method.delivery_tag)
            return
        item_id, attempt = str(properties.correlation_id), int(said["attempt"])
        fate = conduct(self._seed, job_type, int(item_id.split("-")[1]), attempt).fate
        self._book.fates[fate] += 1

        def hand_on() -> None:
            self._book.answers_now(item_id, good=said["status"] == "good")
            for own, content in _versions(fate, properties, said, body):
                self._put(channel, self._queues.replies, own, content)
            for _ in range(2 if fate in ("twice", "batched") else 1):
                self._book.answered(item_id, attempt, good=said["status"] == "good")
            channel.basic_ack(method.delivery_tag)

        if fate == "never":
            channel.basic_ack(method.delivery_tag)
        elif fate == "late":
            at = time.monotonic() + LIMIT_SECONDS[job_type] + LATE_SECONDS
            heapq.heappush(self._held, (at, next(self._number), hand_on))
        else:
            hand_on()


def _versions(fate: str, properties: Any, said: dict[str, Any], body: bytes) -> list[tuple[Any, bytes]]:
    """The messages that an answer becomes."""
    if fate == "batched":
        # Two answers in one message, which has no correlation id of its own.
        own = copy(properties)
        own.correlation_id = None
        return [(own, json.dumps([said | {"id": properties.correlation_id}] * 2).encode())]
    if fate == "partial first":
        partial = {"status": "partial", "steps": [{"name": "looked up"}], "description": "not yet"}
        return [(properties, json.dumps(partial).encode()), (properties, body)]
    return [(properties, body)] * (2 if fate == "twice" else 1)
