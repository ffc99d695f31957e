"""Read the records of a shard in key order through short-lived server-side cursors, one window ahead.

A record that the selector fails on is approached in ever smaller windows: all before it go out, and it is named.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from bisect import bisect_right
from typing import Any

import psycopg

from pgjobs import failpoints as faults
from pgjobs.broker.formats.choice import check_for
from pgjobs.engine.context import RunContext
from pgjobs.engine.selected import UNCOUNTED, check_codes, check_columns, misplaced, read_as_bytes
from pgjobs.engine.shard import Position
from pgjobs.engine.window import Window, find_unfit
from pgjobs.errors import Interrupted, SelectionError
from pgjobs.joblog.record import BODY, CODE, KEY, Record
from pgjobs.pg import connection as db

WINDOW_BYTES = 8 << 20
"""Bodies of a window together; one that is bigger goes alone."""
FIRST_FETCH = 8
GROWTH = 8
"""The first fetch is a small one, for nobody knows how big the bodies are, and each next one may be so much bigger."""


class Records:
    """The windows of a shard. The next one is being fetched while the caller works on the present one.

    A segment is one READ ONLY transaction with one cursor; it ends after `segment_seconds`, or when the caller
    pauses, and the next one opens by key, so no snapshot grows old.
    """

    def __init__(self, context: RunContext, reader: db.Connection, position: Position) -> None:
        self._reader = reader
        read_as_bytes(reader)
        self._metrics = context.metrics
        self._job = (context.claim.job_id, context.claim.shard)
        self._on_replica = bool(context.settings.replica_url)
        self._after_key, self._left = position.after_key, position.remaining
        self._end_key, self._lsn, self._zones = position.end_key, position.lsn, position.zones
        self._descending = context.claim.descending
        self._window = context.window
        self._step = FIRST_FETCH
        self._biggest = 1
        self._checked = False
        self._codes: set[bytes | None] = {*UNCOUNTED}
        self._check = check_for(context.claim.format, context.claim.format_options)
        self._asked_for: int | None = None
        self._misplaced: SelectionError | None = None
        self._segment_seconds = context.settings.segment_seconds
        self._patience = 5 * context.settings.stall_seconds
        self._opened_at: float | None = None
        self._exhausted = self._left is not None and self._left <= 0
        self._ahead: asyncio.Task[Window | None] | None = None

    async def next(self) -> Window | None:
        """The next window in the job's order; None when the selection is exhausted."""
        self._reader.batched = False
        window = await (self._ahead or asyncio.create_task(self._fetch()))
        self._ahead = asyncio.create_task(self._fetch()) if window is not None and not self._exhausted else None
        self._reader.batched = self._ahead is not None
        if window is None:
            await self.pause()
        return window

    async def pause(self) -> None:
        """Close the segment, so that no snapshot is held while nothing moves; what was fetched is kept.

        While a window is still being fetched nothing is done: the caller asks again, and does not wait for the reader.
        """
        if self._ahead is not None and not self._ahead.done():
            return
        if self._opened_at is not None and self._reader.info.transaction_status != psycopg.pq.TransactionStatus.IDLE:
            await self._reader.execute("rollback")
        self._opened_at = None

    async def close(self) -> None:
        """Stop reading; the connection may be used again only if it is idle afterwards."""
        self._reader.batched = False
        if self._ahead is not None:
            await call_off(self._ahead)
            self._ahead = None
        if not self._reader.closed and self._reader.info.transaction_status != psycopg.pq.TransactionStatus.IDLE:
            with contextlib.suppress(psycopg.Error):
                await self._reader.execute("rollback")

    async def _fetch(self) -> Window | None:
        if self._exhausted:
            return None
        try:
            async with asyncio.timeout(self._patience):
                return await self._fetch_window()
        except psycopg.errors.ReadOnlySqlTransaction as error:
            raise SelectionError(f"the selector may only read: {error.diag.message_primary}") from error
        except TimeoutError as error:
            raise Interrupted(f"the database gave no record for {self._patience:.0f} s") from error

    async def _fetch_window(self) -> Window | None:
        if self._misplaced is not None:
            raise self._misplaced
        if self._opened_at is not None and time.monotonic() - self._opened_at > self._segment_seconds:
            await self._reader.execute("rollback")
            self._opened_at = None
            self._metrics.cursor_rotations.inc()
            faults.reach("at_rotation")
        if self._opened_at is None:
            await self._open()
        records, largest = await self._gather()
        faults.reach("after_fetch")
        self._check_order(records)
        self._end(records)
        if not records:
            return None
        codes = list(map(CODE, records))
        check_codes(records, codes, self._codes)
        self._after_key = KEY(records[-1])
        return Window.of(records, codes, largest, self._check)

    async def _gather(self) -> tuple[list[Record], int]:
        """Records until the window is full, in number or in bytes, and the size of the largest body.

        While the size of bodies is unknown only a few are fetched at a time.
        """
        window: list[Record] = []
        room, largest = WINDOW_BYTES, 1
        while step := min(self._window - len(window), self._step, max(room // self._biggest, 0 if window else 1)):
            try:
                rows = await self._fetch_rows(step)
            except (psycopg.DataError, UnicodeError) as error:
                await self._narrow(error, step, named=not window)
                if window:
                    break
                await self._open()
                continue
            self._exhausted = len(rows) < step
            self._limit(rows)
            window = window + rows if window else rows
            bodies = list(filter(None, map(BODY, rows)))
            largest_here = max(map(len, bodies), default=1)
            largest = max(largest, largest_here)
            if self._exhausted:
                break
            # One big body among small ones makes the next windows small, but not for ever.
            self._biggest = max(largest_here, self._biggest // 2)
            self._step = max(self._step, GROWTH * step)
            if len(window) < self._window:
                room -= sum(map(len, bodies))
        return window, largest

    async def _fetch_rows(self, number: int) -> list[Record]:
        cursor = self._reader.cursor(binary=True)
        await cursor.execute(f"fetch {number} from records")
        if not self._checked:
            check_columns(cursor.description or ())
            self._checked = True
        rows: list[Record] = await cursor.fetchall()
        return rows

    async def _narrow(self, error: psycopg.DataError | UnicodeError, step: int, *, named: bool) -> None:
        """Begin anew behind the last good record, half as far at a time; name the record when only one is left."""
        if step == 1 and named:
            where = "the first record" if self._after_key is None else f"the record behind {self._after_key}"
            said = error.diag.message_primary if isinstance(error, psycopg.DataError) else None
            raise SelectionError(f"{where} can't be selected: {said or error}") from error
        await self._reader.execute("rollback")
        self._opened_at = None
        self._window = (step + 1) // 2

    def _check_order(self, window: list[Record]) -> None:
        """Keep of a window what lies before every key that came late; what is wrong is told when that is through."""
        after, asked_for = self._after_key, self._asked_for
        self._asked_for = None
        found = misplaced(window, after, descending=self._descending)
        if found is None:
            return
        if found.key is not None and found.before is not None and found.before == asked_for:
            sentence = f"key {found.key} was selected where only what lies behind key {asked_for} was asked for"
            self._misplaced = SelectionError(sentence)
        else:
            self._misplaced = SelectionError(found.sentence, found.late)
        del window[found.fit :]
        if not window:
            raise self._misplaced
        self._exhausted = False

    def _end(self, window: list[Record]) -> None:
        """Cut a window behind the end of the shard: records of a selector that ignores it are another shard's."""
        end, sign = self._end_key, -1 if self._descending else 1
        if end is None or not window or (window[-1][0] - end) * sign <= 0:
            return
        del window[bisect_right(window, end * sign, key=lambda record: record[0] * sign) :]
        self._exhausted = self._misplaced is None
        if not window and self._misplaced is not None:
            raise self._misplaced

    async def _open(self) -> None:
        # Asked before the transaction begins: its snapshot is as old as its first statement.
        while self._on_replica and not await db.value(self._reader, "select pgjobs.is_replayed(%s)", self._lsn):  # noqa: ASYNC110 no event tells
            await asyncio.sleep(0.1)
        # Both in one message to the server.
        call = (
            "begin transaction isolation level repeatable read, read only;"
            " select pgjobs.open_records(%s, %s, %s, %s, %s::text[])"
        )
        arguments = (*self._job, self._after_key, self._end_key, self._zones)
        await psycopg.AsyncClientCursor(self._reader).execute(call, arguments)
        self._opened_at = time.monotonic()
        self._checked, self._asked_for = False, self._after_key
        faults.reach("after_open")

    def _limit(self, records: list[Record]) -> None:
        """Cut records behind the last one that may still be sent, so that none is fetched in vain."""
        left = self._left
        if left is None:
            return
        unfit = find_unfit([record for record in records if CODE(record) is None], self._check)
        for index, record in enumerate(records):
            if CODE(record) is None and KEY(record) not in unfit:
                left -= 1
                if left == 0:
                    del records[index + 1 :]
                    self._exhausted = True
                    break
        self._left = left


async def call_off(work: asyncio.Future[Any]) -> None:
    """Break something off, and wait until it is over; what it ended with is of no interest any more."""
    work.cancel()
    await asyncio.wait((work,))
    if not work.cancelled():
        work.exception()
