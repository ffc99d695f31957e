"""Calls of /api: publish a short selection at once, confirmed, and answer with the number; no job, no log."""

from __future__ import annotations

import asyncio
import logging
from datetime import UTC, datetime, timedelta
from uuid import UUID

import psycopg

from pgjobs import db
from pgjobs.backoff import Backoff
from pgjobs.engine.amqp import Publisher
from pgjobs.engine.encode import Record
from pgjobs.engine.lanes import Lanes
from pgjobs.errors import ConfigurationError, PgjobsError
from pgjobs.settings import Settings

logger = logging.getLogger(__name__)


class Calls:
    """Answers calls one after the other, on a connection and a publisher of its own."""

    def __init__(self, settings: Settings, lanes: Lanes, worker: UUID) -> None:
        self._settings = settings
        self._lanes = lanes
        self._worker = worker
        self._woken = asyncio.Event()

    def wake(self) -> None:
        """A call may be waiting."""
        self._woken.set()

    async def run(self) -> None:
        """Answer for ever, starting over when a server was away."""
        backoff = Backoff()
        while True:
            try:
                url, patience = self._settings.database_url, 5 * self._settings.stall_seconds
                async with await db.connect(url, "calls", patience=patience) as control:
                    await self._answer_calls(control, backoff)
            except (psycopg.Error, PgjobsError, OSError) as error:
                logger.warning("calls wait: %s", str(error).strip())
            await backoff.pause()

    async def _answer_calls(self, control: db.Connection, backoff: Backoff) -> None:
        lease = timedelta(seconds=self._settings.lease_seconds)
        await control.execute("select pgjobs.abandon_calls(%s)", (self._worker,))
        while True:
            self._woken.clear()
            cursor = await control.execute("select * from pgjobs.claim_call(%s, %s)", (self._worker, lease))
            row = await cursor.fetchone()
            backoff.reset()
            if row is not None:
                await self._answer(control, *row)
                continue
            try:
                async with asyncio.timeout(self._settings.poll_seconds):
                    await self._woken.wait()
            except TimeoutError:
                pass

    async def _answer(self, control: db.Connection, call_id: int, exchange: str, routing_key: str) -> None:
        published, problem = 0, None
        try:
            publisher = await self._lanes.publisher()
            try:
                published = await _publish(control, publisher, self._settings, call_id, exchange, routing_key)
            finally:
                self._lanes.drop(publisher)
        except PgjobsError as error:
            problem = error.sentence
        except psycopg.Error as error:
            if control.closed:
                raise
            problem = f"the selection failed: {error.diag.message_primary or error}"
        call = "select pgjobs.close_call(%s, %s, %s, %s)"
        await control.execute(call, (call_id, self._worker, published, problem))
        logger.info("call %s: published %s%s", call_id, published, f", {problem}" if problem else "")


async def _publish(
    control: db.Connection,
    publisher: Publisher,
    settings: Settings,
    call_id: int,
    exchange: str,
    routing_key: str,
) -> int:
    await publisher.check_route(exchange, routing_key)
    prefix = f"api-{call_id}-"
    published = 0
    async with control.transaction():
        await control.execute("select pgjobs.open_call(%s)", (call_id,))
        while True:
            cursor = control.cursor(binary=True)
            await cursor.execute(f"fetch {settings.window} from records")
            records: list[Record] = await cursor.fetchall()
            if not records:
                return published
            envelope = publisher.envelope(
                exchange=exchange,
                routing_key=routing_key,
                app_id="pgjobs",
                message_type="suspended",
                headers={"x-call-id": call_id},
                timestamp=int(datetime.now(UTC).timestamp()),
            )
            flight = publisher.publish([(envelope, records)], prefix)
            await publisher.settle(flight, _nothing)
            while flight.nacked:
                wanted = set(flight.nacked)
                again = [record for record in records if record[0] in wanted]
                flight = await publisher.publish_again([(envelope, again)], prefix, _nothing)
            publisher.forget_nacks()
            returned = publisher.take_returned(prefix, records)
            published += len(records) - len(returned)
            if returned:
                raise ConfigurationError(f"{next(iter(returned.values()))}; {published} were published before")


async def _nothing() -> None:
    """A call keeps no lease while it waits."""
