"""Keeps the daemon's background tasks running: one that ends is logged once and started again after a pause.

A server that is away is a warning of one line, and the task tries again for ever. Any other end, also a plain return,
is logged with its traceback. Once the task has got something done again, the log says so. A task that ends so
MOST_FAILURES times in a row, or that finds the schema to be of another version, makes the process useless: `failed`
then carries the reason, and the daemon ends with a code.
"""

from __future__ import annotations

import asyncio
import logging
import socket
import time
from collections.abc import Awaitable, Callable, Coroutine

import psycopg

from pgjobs.backoff import Backoff
from pgjobs.engine.troubles import remedy
from pgjobs.errors import Interrupted, PgjobsError, SchemaError, TaskError, one_line

logger = logging.getLogger(__name__)
MOST_FAILURES = 10
STEADY_SECONDS = 60.0
"""A task that ran for so long has worked: what failed before does not count any more."""
AWAY = (psycopg.OperationalError, Interrupted, ConnectionError, TimeoutError, socket.gaierror)

Work = Callable[[Callable[[], None]], Coroutine[None, None, None]]
"""What a task runs; it calls its argument when it has got something done, so that the next pause is a short one."""


class Supervisor:
    """Runs tasks by name; once the daemon is told to end, none is started again."""

    def __init__(self, check_schema: Callable[[], Awaitable[object]], ending: asyncio.Event) -> None:
        self.failed: asyncio.Future[PgjobsError] = asyncio.get_running_loop().create_future()
        self._check_schema = check_schema
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._ending = ending

    def start(self, name: str, work: Work, *, once: bool = False) -> None:
        """Keep a task running; one that is to be done `once` may return."""
        self._tasks[name] = task = asyncio.create_task(self._keep(name, work, once=once), name=name)
        task.add_done_callback(self._on_end)

    async def wait(self) -> None:
        """Wait until the daemon is told to end, or until it is useless."""
        told = asyncio.create_task(self._ending.wait())
        await asyncio.wait((told, self.failed), return_when=asyncio.FIRST_COMPLETED)
        told.cancel()

    async def end(self, name: str, grace: float) -> None:
        """Give a task so many seconds to return by itself, then cancel it."""
        await asyncio.wait((self._tasks[name],), timeout=grace)
        self._tasks[name].cancel()

    async def close(self) -> None:
        """Cancel every task and wait until it has ended."""
        for task in self._tasks.values():
            task.cancel()
        await asyncio.gather(*self._tasks.values(), return_exceptions=True)

    async def _keep(self, name: str, work: Work, *, once: bool) -> None:
        backoff, failures, ended = Backoff(), 0, False

        def works() -> None:
            nonlocal ended
            backoff.reset()
            if ended:
                logger.info("%s: works again", name)
            ended = False

        while True:
            began = time.monotonic()
            error = await _end_of(work, works)
            ended = True
            if self._ending.is_set() or (error is None and once):
                return None
            if time.monotonic() - began > STEADY_SECONDS:
                failures = 0
            if isinstance(error, SchemaError):
                return self._give_up(error)
            if isinstance(error, AWAY):
                assert isinstance(error, Exception)  # noqa: S101 for mypy
                logger.warning("%s: waits for a server: %s (%s)", name, one_line(error), remedy(error))
            elif isinstance(error, psycopg.Error) and error.sqlstate:
                logger.error("%s: the database refuses: %s (%s)", name, one_line(error), remedy(error))
                await self._look_at_schema()
            else:
                failures += 1
                words = "it has returned" if error is None else f"{type(error).__name__}: {one_line(error)}"
                logger.error("background task %s has ended and is started again: %s", name, words, exc_info=error)
                if failures >= MOST_FAILURES:
                    sentence = f"background task {name} has failed {failures} times in a row: {words}"
                    return self._give_up(TaskError(sentence))
            await backoff.pause()

    async def _look_at_schema(self) -> None:
        """A refusal may come from functions of another version, with which this process cannot work."""
        try:
            await self._check_schema()
        except SchemaError as error:
            self._give_up(error)
        except Exception as error:  # noqa: BLE001 the task tries again and meets the same trouble
            logger.warning("the schema could not be checked: %s", one_line(error))

    def _give_up(self, error: PgjobsError) -> None:
        if not self.failed.done():
            self.failed.set_result(error)

    def _on_end(self, task: asyncio.Task[None]) -> None:
        """The last resort: an end that the loop above does not know must not go unseen either."""
        if not task.cancelled() and (error := task.exception()) is not None:
            logger.error("the supervision of %s has ended", task.get_name(), exc_info=error)
            self._give_up(
                TaskError(f"the supervision of background task {task.get_name()} has ended: {one_line(error)}")
            )


async def _end_of(work: Work, works: Callable[[], None]) -> BaseException | None:
    """Run a task to its end, and tell which one it was: its exception, or None when it returned."""
    try:
        await work(works)
    except (KeyboardInterrupt, SystemExit):
        raise
    except asyncio.CancelledError as error:
        task = asyncio.current_task()
        if task is None or task.cancelling():
            raise
        return error
    except BaseException as error:  # noqa: BLE001 whatever it is, the daemon goes on or says why not
        return error
    return None
