"""What an agent does on one connection: takes messages, answers them, acknowledges; beats; drains at the end."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import logging
import os
import platform
from collections.abc import Callable, Coroutine, Mapping
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Any, TypeVar

import pika

from pgjobs.agents import answers
from pgjobs.agents.item import Item, NoItem, Result, read, result_of
from pgjobs.agents.link import Link, LinkLost
from pgjobs.agents.workers import Workers

logger = logging.getLogger("pgjobs.agents")
BEAT_SECONDS = 10.0
BEAT_KEPT_MS = "60000"
"""A beat that nobody has read for so long says nothing any more."""
MOST_TROUBLE = 500
"""Characters of what keeps the agent from working, as its beats say it."""
RESEND_SECONDS = 5.0
LEAVE_SECONDS = 2.0

Handler = Callable[[Item], Result | None]
Handlers = Mapping[str, Mapping[str, Handler]]
"""By queue, then by type of the job."""
T = TypeVar("T")


@dataclass
class Held:
    """A message that is neither acknowledged nor handed back, and what is known of its answers."""

    delivery_tag: int
    reply_to: str
    correlation_id: str = ""
    attempt: int = 1
    work: Future[bytes] = field(init=False)
    parts: list[asyncio.Task[bool]] = field(default_factory=list)
    """Answers on their way that do not close the item."""


class Session:
    """One connection's life, from the first message to the last one."""

    def __init__(
        self,
        name: str,
        reply_queue: str,
        handlers: Handlers,
        workers: Workers,
        link: Link,
        trouble: Callable[[], str] = str,
    ) -> None:
        self._name = name
        self._reply_queue = reply_queue
        self._handlers = handlers
        self._workers = workers
        self._link = link
        self._trouble = trouble
        self._loop = asyncio.get_running_loop()
        self._held: dict[asyncio.Task[None], Held] = {}
        self._tasks: set[asyncio.Task[Any]] = set()
        self._unreached: set[str] = set()
        """Queues that a message did not come to, which was said once."""
        self._draining = False
        self._beating: asyncio.Task[None]

    async def start(self) -> None:
        """Say who is there, and take messages from now on; LinkLost where a queue is missing."""
        self._beating = self._spawn(self._keep_beating())
        for queue in self._handlers:
            await self._link.consume(queue, functools.partial(self._take, queue))

    async def drain(self, seconds: float, hurry: asyncio.Event) -> None:
        """Take nothing new, finish within a time what has begun, and say that the agent leaves."""
        self._draining = True
        either = (self._spawn(self._finish()), self._spawn(hurry.wait()), self._link.lost)
        await asyncio.wait(either, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        if self._held:
            logger.warning("%s ends: messages that go back to their queues unfinished: %s", self._name, len(self._held))
        self._beating.cancel()
        await asyncio.wait((self._beat(leaving=True),), timeout=LEAVE_SECONDS)

    def end(self) -> None:
        """Forget what is still under way: its messages go back to their queues with the connection."""
        for task in self._tasks:
            task.cancel()
        for held in self._held.values():
            held.work.cancel()

    async def _finish(self) -> None:
        with contextlib.suppress(LinkLost):
            await self._link.stop_consuming()
        for held in self._held.values():
            # What no thread has taken yet goes to somebody else at once.
            if held.work.cancel():
                self._link.hand_back(held.delivery_tag)
        while self._held:
            await asyncio.wait(self._held)

    def _take(self, queue: str, method: Any, properties: Any, body: bytes) -> None:
        """Have a message handled, and answered when it has been."""
        if self._draining:
            self._link.hand_back(method.delivery_tag)
            return
        handlers = self._handlers[queue]
        # A queue that has the messages of one type alone needs no word about it.
        job_type = properties.type or (next(iter(handlers)) if len(handlers) == 1 else "")
        held = Held(method.delivery_tag, properties.reply_to or self._reply_queue)
        report = functools.partial(self._report, held)
        try:
            item = read(properties, body, job_type=job_type, redelivered=method.redelivered, report=report)
        except NoItem as error:
            logger.warning("a message in queue %s is rejected: %s", queue, error)
            self._link.hand_back(method.delivery_tag, requeue=False)
            return
        held.correlation_id, held.attempt = item.id, item.attempt
        held.work = self._workers.begin(functools.partial(self._work, handlers.get(job_type), item))
        task = self._spawn(self._answer(held))
        self._held[task] = held
        task.add_done_callback(self._held.pop)

    def _work(self, handler: Handler | None, item: Item) -> bytes:
        """In a thread: the answer that closes an item."""
        if handler is None:
            sentence = f"agent {self._name} has no handler for type {item.type!r}"
            logger.error("item %s: %s", item.id, sentence)
            return self._encode(item.attempt, answers.failed(sentence, "NOT_SUPPORTED"))
        try:
            return self._encode(item.attempt, result_of(handler(item)).answer())
        except BaseException as error:  # nothing that a handler does ends the agent, sys.exit() neither
            logger.exception("item %s of type %s failed", item.id, item.type)
            return self._encode(item.attempt, answers.failed(f"{type(error).__name__}: {error}"))

    def _encode(self, attempt: int, answer: answers.Answer) -> bytes:
        return answers.encode({**answer, "agent": self._name, "attempt": attempt})

    async def _answer(self, held: Held) -> None:
        """Send the answer, and acknowledge the message once the broker has confirmed all that was said about it."""
        answer = await asyncio.wrap_future(held.work)
        # In their order, also where one of them had to be sent again.
        for part in held.parts:
            await part
        if await self._deliver(held, answer):
            self._link.acknowledge(held.delivery_tag)

    def _report(self, held: Held, answer: answers.Answer) -> None:
        """In a thread: send an answer that does not close the item."""
        body = self._encode(held.attempt, answer)
        # The agent may have ended meanwhile, and with it its loop.
        with contextlib.suppress(RuntimeError):
            self._loop.call_soon_threadsafe(lambda: held.parts.append(self._spawn(self._deliver(held, body))))

    async def _deliver(self, held: Held, body: bytes) -> bool:
        """Send an answer until it is confirmed; False: the connection was lost first."""
        while problem := await self._link.publish(held.reply_to, self._properties(held.correlation_id), body):
            if self._link.lost.done():
                return False
            if held.reply_to not in self._unreached:
                self._unreached.add(held.reply_to)
                logger.error(
                    "queue %s takes no answer (%s): the messages stay unacknowledged, and the answers are sent again"
                    " every %g s; make the queue, or let it take messages", held.reply_to, problem, RESEND_SECONDS
                )  # fmt: skip
            await asyncio.sleep(RESEND_SECONDS)
        if held.reply_to in self._unreached:
            self._unreached.discard(held.reply_to)
            logger.warning("queue %s takes answers again", held.reply_to)
        return True

    @staticmethod
    def _properties(correlation_id: str) -> pika.BasicProperties:
        return pika.BasicProperties(
            content_type="application/json", delivery_mode=2, app_id="pgjobs", correlation_id=correlation_id
        )

    async def _keep_beating(self) -> None:
        while True:
            self._beat()
            await asyncio.sleep(BEAT_SECONDS)

    def _beat(self, *, leaving: bool = False) -> asyncio.Future[str]:
        """Say who is there; one that is lost is followed by the next one."""
        types = sorted({job_type for handlers in self._handlers.values() for job_type in handlers})
        holds = 0 if leaving else len(self._held)
        who = {"agent": self._name, "types": types, "host": platform.node(), "pid": os.getpid()}
        properties = pika.BasicProperties(
            type="agent", content_type="application/json", app_id="pgjobs", expiration=BEAT_KEPT_MS
        )
        unreached = f"no answers reach {', '.join(sorted(self._unreached))}" if self._unreached else ""
        trouble = (self._trouble() or unreached)[:MOST_TROUBLE]
        state = {"holds": holds, "leaving": leaving, "trouble": trouble}
        return self._link.publish(self._reply_queue, properties, answers.encode(who | state))

    def _spawn(self, coroutine: Coroutine[Any, Any, T]) -> asyncio.Task[T]:
        task = self._loop.create_task(coroutine)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task
