"""Check the items of a tracked job against its log and its counters: who is missing, and who was tried more often."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from pgjobs.joblog.verdict import Verdict
from pgjobs.pg import connection as db
from pgjobs.words import counted

KNOWN = "select item from pgjobs.job_items where job_id = %s and item = any(%s)"
# What never went out has a line, and no attempt.
TRIED = """
select item, attempts + (status = 'refused')::integer, result is not distinct from 'timed_out' from pgjobs.job_items
where job_id = %s
"""
STATUSES = "select status, count(*) from pgjobs.job_items where job_id = %s group by status"
COUNTERS = """
select waiting, launched, to_retry as "waits for its next attempt", good, failed, timed_out as "timed out", cancelled,
  refused
from pgjobs.job_item_counts where job_id = %s
"""


class ItemCheck:
    """The items of one job; the lines of its log are told window by window."""

    def __init__(self, connection: db.Connection, verdict: Verdict, job_id: int) -> None:
        self._connection = connection
        self._verdict = verdict
        self._job_id = job_id
        self._again: Counter[int] = Counter()
        self._first = 0

    async def window(self, log: str, first: int, keys: Sequence[int], *, again: bool) -> None:
        """The keys of intact lines; `again`: of further attempts. Of first attempts only the number is kept."""
        if again:
            self._again.update(keys)
        else:
            self._first += len(keys)
        cursor = await self._connection.execute(KNOWN, (self._job_id, list(keys)))
        known = {row[0] for row in await cursor.fetchall()}
        for number, key in enumerate(keys, first):
            if key not in known:
                self._say(f"{log}, line {number}: record {key} has no item")
                self._first -= not again

    async def close(self, *, whole: bool) -> None:
        """Compare what is left; `whole`: every line of the log was told."""
        await self._counters()
        if not whole:
            return
        first = late = 0
        async with self._connection.cursor("items") as items:
            items.itersize = 5000
            await items.execute(TRIED, (self._job_id,))
            async for key, tried, timed_out in items:
                again = self._again[key]
                first += tried > 0
                # What a stop closes has a line besides, where it was to be sent just then.
                late += timed_out and not tried
                if again != max(tried - 1, 0) and not (timed_out and again == tried):
                    self._say(
                        f"item {key}: it was sent or refused {counted(tried, 'time')},"
                        f" and the log has {counted(again + 1, 'line')} of it"
                    )
        if not first <= self._first <= first + late:
            self._say(f"sent or refused: {counted(first, 'item')}, and the log has {self._first:,} of them")

    async def _counters(self) -> None:
        cursor = await self._connection.execute(STATUSES, (self._job_id,))
        found: dict[str, int] = dict(await cursor.fetchall())
        cursor = await self._connection.execute(COUNTERS, (self._job_id,))
        names = [column.name for column in cursor.description or ()]
        kept = dict(zip(names, await cursor.fetchone() or [0] * len(names), strict=True))
        for name, number in kept.items():
            if number != found.get(name, 0):
                self._say(f"items that are {name}: its counters say {number:,}, and there are {found.get(name, 0)}")
        self._verdict.items += sum(found.values())

    def _say(self, sentence: str) -> None:
        self._verdict.say(f"job {self._job_id}: {sentence}")
