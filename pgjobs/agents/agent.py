"""An agent: which types it works on, and how it runs until it is asked to end."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import threading
from collections.abc import Callable
from typing import Any

from pgjobs.agents.link import Link, LinkLost, parameters
from pgjobs.agents.session import Handler, Session
from pgjobs.agents.workers import Workers
from pgjobs.backoff import Backoff
from pgjobs.signals import asking_to_end

logger = logging.getLogger("pgjobs.agents")
LONGEST_NAME = 200


class Agent:
    """A consumer of one or more types of jobs.

    url: of RabbitMQ. name: one for each process; people see it. reply_queue: where its beats go, and the answers to
    messages that name no other queue. threads: so many handlers run at a time. prefetch: so many messages of each queue
    are held at most, waiting ones included. drain_seconds: how long a handler may go on when the agent is asked to end.
    trouble: says in a sentence what keeps it from working, or nothing; asked for each beat, which people see.
    """

    def __init__(
        self,
        url: str,
        name: str,
        *,
        reply_queue: str,
        threads: int = 4,
        prefetch: int | None = None,
        drain_seconds: float = 20.0,
        trouble: Callable[[], str] = str,
    ) -> None:
        if not name.strip() or len(name) > LONGEST_NAME:
            raise ValueError(f"name: it has to have 1 to {LONGEST_NAME} characters")
        if threads < 1:
            raise ValueError(f"threads: {threads} is less than 1")
        self._prefetch = 2 * threads if prefetch is None else prefetch
        if not 1 <= self._prefetch <= 65535:
            raise ValueError(f"prefetch: {self._prefetch} is not between 1 and 65535")
        self._parameters = parameters(url, name)
        self._name = name
        self._reply_queue = reply_queue
        self._threads = threads
        self._drain_seconds = drain_seconds
        self._trouble = trouble
        self._handlers: dict[str, dict[str, Handler]] = {}
        self._loop: asyncio.AbstractEventLoop | None = None
        self._asked, self._hurry = asyncio.Event(), asyncio.Event()

    def handles(self, job_type: str, *, queue: str) -> Callable[[Handler], Handler]:
        """Decorate the handler of a type, whose messages come to this queue; several types may share one."""

        def register(handler: Handler) -> Handler:
            if self._handlers.setdefault(queue, {}).setdefault(job_type, handler) is not handler:
                raise ValueError(f"type {job_type!r} of queue {queue!r} has a handler already")
            return handler

        return register

    def run(self) -> None:
        """Work until SIGTERM, SIGINT or stop(), once; a second signal lets no handler finish."""
        if not self._handlers:
            raise ValueError("no type has a handler: decorate one with handles(type, queue=…)")
        asyncio.run(self._run())

    def stop(self) -> None:
        """Ask it to end, from any thread."""
        if self._loop is None:
            self._asked.set()
            return
        # It may have ended by itself.
        with contextlib.suppress(RuntimeError):
            self._loop.call_soon_threadsafe(self._end)

    def _end(self) -> None:
        (self._hurry if self._asked.is_set() else self._asked).set()

    async def _run(self) -> None:
        self._loop = asyncio.get_running_loop()
        if threading.current_thread() is threading.main_thread():
            for number in asking_to_end():
                self._loop.add_signal_handler(number, self._end)
        asked = self._loop.create_task(self._asked.wait())
        workers, pauses = Workers(self._threads), Backoff()
        while not self._asked.is_set():
            try:
                await self._work(workers, pauses, asked)
            except LinkLost as error:
                logger.warning("%s: %s", self._name, error)
                await _first(asked, self._loop.create_task(pauses.pause()))
        workers.end()
        logger.info("%s has ended", self._name)

    async def _work(self, workers: Workers, pauses: Backoff, asked: asyncio.Task[bool]) -> None:
        """Work on one connection until the end is asked for; LinkLost if it is lost first."""
        link = Link()
        session = Session(self._name, self._reply_queue, self._handlers, workers, link, self._trouble)
        try:
            begun = asyncio.create_task(self._begin(link, session))
            await _first(asked, begun)
            if not begun.done():
                begun.cancel()
                return
            await begun
            pauses.reset()
            await _first(asked, link.lost)
            if link.lost.done():
                raise LinkLost(link.lost.result())
            await session.drain(self._drain_seconds, self._hurry)
        finally:
            session.end()
            await link.close()

    async def _begin(self, link: Link, session: Session) -> None:
        await link.open(self._parameters, self._prefetch)
        await session.start()
        logger.info("%s takes messages from %s", self._name, ", ".join(self._handlers))


async def _first(*either: asyncio.Future[Any]) -> None:
    """Wait until one of them is done."""
    await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
