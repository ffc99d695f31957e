"""Calls of /api: publish a short selection at once, confirmed, and answer with the number; no job, no log."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable
from datetime import timedelta
from uuid import UUID

import psycopg

from pgjobs.backoff import Backoff
from pgjobs.broker.confirms import in_words
from pgjobs.broker.publisher import Publisher
from pgjobs.engine.connections import ANSWERS, ConnectionPool
from pgjobs.engine.selected import read_as_bytes
from pgjobs.engine.window import fits
from pgjobs.errors import ConfigurationError, PgjobsError, one_line
from pgjobs.joblog.record import BODY, CODE, KEY, Record
from pgjobs.pg import connection as db
from pgjobs.settings import Settings

logger = logging.getLogger(__name__)
LAST_SECONDS = 2.0
"""How long a daemon that ends tries to tell the asker so."""


class Calls:
    """Takes calls and answers a few of them side by side, each on a connection and a publisher of its own."""

    def __init__(self, settings: Settings, pool: ConnectionPool, daemon_id: UUID) -> None:
        self._settings = settings
        self._pool = pool
        self._daemon = daemon_id
        self._woken = asyncio.Event()
        self._running: dict[int, asyncio.Task[None]] = {}

    def wake(self) -> None:
        """A call may be waiting."""
        self._woken.set()

    async def run(self, works: Callable[[], None] = lambda: None) -> None:
        """Take calls for ever; whatever ends this, calls that are under way are closed with a sentence."""
        try:
            # What it had taken and is not answering now was lost on the way: nobody else ever takes it.
            call = "select pgjobs.abandon_api_requests(%s, %s)"
            await self._pool.control.row(call, (self._daemon, list(self._running)))
            await self._take_calls(works)
        finally:
            if (task := asyncio.current_task()) is not None and task.cancelling():
                await self._end()

    async def _take_calls(self, works: Callable[[], None]) -> None:
        lease = timedelta(seconds=self._settings.lease_seconds)
        while True:
            self._woken.clear()
            while len(self._running) < ANSWERS:
                row = await self._pool.control.row(
                    "select * from pgjobs.claim_api_request(%s, %s)", (self._daemon, lease)
                )
                works()
                if row is None:
                    break
                self._start(*row)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self._settings.poll_seconds):
                    await self._woken.wait()

    def _start(self, call_id: int, exchange: str, routing_key: str) -> None:
        def ended(_task: asyncio.Task[None]) -> None:
            self._running.pop(call_id, None)
            self._woken.set()

        task = asyncio.create_task(self._answer(call_id, exchange, routing_key), name=f"call {call_id}")
        self._running[call_id] = task
        task.add_done_callback(ended)

    async def _end(self) -> None:
        tasks = list(self._running.values())
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks, timeout=LAST_SECONDS)

    async def _answer(self, call_id: int, exchange: str, routing_key: str) -> None:
        """Publish the records of a call and close it, whatever happens: its asker waits."""
        call = Publication(self._settings, call_id, exchange, routing_key)
        problem = None
        try:
            await call.run(self._pool)
        except asyncio.CancelledError:
            problem = "the daemon ended while it published, and a part may have been published"
            with contextlib.suppress(psycopg.Error, OSError, TimeoutError):
                async with asyncio.timeout(LAST_SECONDS):
                    await self._close(call, problem)
            raise
        except PgjobsError as error:
            problem = error.sentence
        except psycopg.Error as error:
            problem = f"the selection failed: {error.diag.message_primary or one_line(error)}"
        except Exception as error:
            logger.exception("call %s has failed", call_id)
            problem = f"the daemon failed with this call, its log says more: {type(error).__name__}"
        if problem is not None and call.published:
            problem = f"{problem}; {call.published} were published before"
        await self._close_for_sure(call, problem)
        if problem is None:
            logger.info("call %s: published %s", call_id, call.published)
        else:
            logger.warning("call %s: %s", call_id, problem)

    async def _close_for_sure(self, call: Publication, problem: str | None) -> None:
        """Close a call; a database that is away is asked again until it is there."""
        backoff = Backoff()
        while True:
            try:
                return await self._close(call, problem)
            except (psycopg.Error, OSError, TimeoutError) as error:
                logger.warning("call %s: its end could not be reported yet: %s", call.id, one_line(error))
            await backoff.pause()

    async def _close(self, call: Publication, problem: str | None) -> None:
        closing = "select pgjobs.close_api_request(%s, %s, %s, %s)"
        await self._pool.control.row(closing, (call.id, self._daemon, call.published, problem))


class Publication:
    """The records of one call, published and counted."""

    def __init__(self, settings: Settings, call_id: int, exchange: str, routing_key: str) -> None:
        self.id = call_id
        self.published = 0
        self._settings = settings
        self._route = exchange, routing_key
        self._prefix = f"api-{call_id}-"

    async def run(self, pool: ConnectionPool) -> None:
        """Publish everything; what was confirmed is counted also where it breaks off."""
        publisher = await pool.publisher()
        try:
            await publisher.check_route(*self._route)
            await self._publish_all(publisher)
        finally:
            pool.drop(publisher)

    async def _publish_all(self, publisher: Publisher) -> None:
        patience = 5 * self._settings.stall_seconds
        async with await db.connect(self._settings.database_url, "calls", patience=patience) as connection:
            await connection.set_read_only(True)
            async with connection.transaction():
                await connection.execute("select pgjobs.open_api_request(%s)", (self.id,))
                read_as_bytes(connection)
                cursor = connection.cursor(binary=True)
                while True:
                    await cursor.execute(f"fetch {self._settings.window} from records")
                    records: list[Record] = await cursor.fetchall()
                    if not records:
                        return
                    await self._publish(publisher, [record for record in records if fit(record)])

    async def _publish(self, publisher: Publisher, records: list[Record]) -> None:
        exchange, routing_key = self._route
        form = publisher.format(
            exchange=exchange, routing_key=routing_key, message_type="suspended", headers={"x-call-id": self.id}
        )
        records.sort(key=KEY)
        flight = publisher.publish([(form, records)], self._prefix)
        await publisher.settle(flight, _nothing)
        while flight.nacked:
            wanted = set(flight.nacked)
            again = [record for record in records if record[0] in wanted]
            flight = await publisher.publish_again([(form, again)], self._prefix, _nothing)
        publisher.forget_nacks()
        returned = publisher.take_returned(self._prefix, records)
        self.published += len(records) - len(returned)
        if returned:
            raise ConfigurationError(in_words(next(iter(returned.values()))))


def fit(record: Record) -> bool:
    """Whether a record is to be published: its selector gives no code, and its body is one."""
    return CODE(record) is None and fits(BODY(record))


async def _nothing() -> None:
    """A call keeps no lease while it waits."""
