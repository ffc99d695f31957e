"""Answers are given to the database; those that meet a lock of somebody else are set aside, and the others go on.

What an answer means is decided by pgjobs.report_items(), with many of them in one statement. Where it meets a lock, the
answers whose items are locked are set aside and looked at again later; if others are locked as well, it is by halves
that they are found, and their jobs wait. Answers of one item stay in their order: behind one that was set aside, so is
each that names the same item.
"""

from __future__ import annotations

import itertools
import logging
import time
from collections.abc import Sequence
from typing import NamedTuple

from pgjobs.broker.replies import Delivery, fits
from pgjobs.engine.control import Control
from pgjobs.engine.reporting import LOCK_TIMEOUT, LOCKED, REFUSALS, Reporting
from pgjobs.errors import one_line

logger = logging.getLogger(__name__)
MOST = 1000
"""Answers that are given to the database in one statement."""
ASIDE_SECONDS = 1.0
"""After so long the answers that were set aside are looked at again."""
SHARE = 4
"""So many times as long as a look has taken it is waited for the next one, if that is longer."""
SPLIT_SECONDS = 2.0
"""So long answers are taken apart; what meets a lock then is set aside without a further look."""
ALL, NO_ITEM = "all jobs", "no item"


class Part(NamedTuple):
    """An answer: where it stands among those that came, and the items that it names, each as job and key."""

    number: int
    delivery: Delivery
    items: frozenset[str] = frozenset()

    def names(self) -> frozenset[str]:
        """What it waits for where somebody has locked it: its items and their jobs."""
        return frozenset((*self.items, *map(_job, self.items or (NO_ITEM,)), ALL))


class Answers:
    """Gives the answers of one consumer to the database."""

    def __init__(self, control: Control) -> None:
        self._reporting = Reporting(control)
        self._numbers = itertools.count()
        self._aside: list[Part] = []
        """What was set aside, in the order in which it came."""
        self._held: set[str] = set()
        """Items and jobs whose answers are set aside, or ALL, or NO_ITEM: those that name none."""
        self._locked: set[str] = set()
        """Jobs, or ALL or NO_ITEM, that somebody has locked."""
        self._told: set[str] = set()
        self._look_at = 0.0

    @property
    def aside(self) -> list[Delivery]:
        """What was set aside."""
        return [part.delivery for part in self._aside]

    def give_up(self) -> None:
        """The connection is gone: what was set aside comes again on the next one."""
        for name in sorted(self._told):
            logger.info(
                "answers of %s are no longer set aside: their connection has ended, and they come again", _told(name)
            )
        self._told = set()

    async def take(self, batch: Sequence[Delivery]) -> list[Delivery]:
        """Take answers in, also those that were set aside when it is time; which ones are done with."""
        done = await self._look() if self._aside and time.monotonic() >= self._look_at else []
        if batch:
            parts = [Part(next(self._numbers), delivery) for delivery in batch]
            if self._aside:
                done += await self._apart(parts, time.monotonic() + SPLIT_SECONDS)
            else:
                done += await self._whole(parts)
        return done

    async def _look(self) -> list[Delivery]:
        """Try what was set aside."""
        began = time.monotonic()
        parts, self._aside, self._held, self._locked = self._aside, [], set(), set()
        done: list[Delivery] = []
        while parts:
            fit = fits([part.delivery for part in parts[:MOST]])
            done += await self._apart(parts[:fit], began + SPLIT_SECONDS)
            parts = parts[fit:]
        self._look_at = time.monotonic() + max(ASIDE_SECONDS, SHARE * (time.monotonic() - began))
        for name in sorted(self._locked - self._told):
            logger.warning(
                "answers of %s are set aside: an open transaction of somebody else has locked what they change; they"
                " are taken in once it has ended", _told(name)
            )  # fmt: skip
        for name in sorted(self._told - self._locked):
            logger.info("answers of %s are taken in again", _told(name))
        self._told = set(self._locked)
        return done

    async def _whole(self, parts: Sequence[Part]) -> list[Delivery]:
        """Take in answers of which nothing is known to be locked."""
        batch = [part.delivery for part in parts]
        try:
            await self._reporting.report(batch)
        except (*REFUSALS, LOCKED) as error:
            logger.info("answers are taken apart: %s", one_line(error))
            self._look_at = time.monotonic() + ASIDE_SECONDS
            return await self._apart(parts, time.monotonic() + SPLIT_SECONDS)
        return batch

    async def _apart(self, parts: Sequence[Part], until: float) -> list[Delivery]:
        """Take in what nobody has locked, and set the rest aside."""
        free: list[Part] = []
        for part, locked in await self._looked_at(parts):
            self._locked |= {_job(item) for item in locked}
            if locked or not self._held.isdisjoint(part.names()):
                self._set_aside(part)
            else:
                free.append(part)
        done = await self._split(free, until, set())
        self._aside.sort()
        return done

    async def _looked_at(self, parts: Sequence[Part]) -> list[tuple[Part, list[str]]]:
        """These with the items that they name, and which of those are locked just now."""
        try:
            rows = await self._reporting.locked([part.delivery for part in parts])
        except REFUSALS:
            # One of them can't be read; taken one by one, it is found.
            return [(part, []) for part in parts]
        except LOCKED:
            self._locked.add(ALL)
            self._held.add(ALL)
            return [(part, []) for part in parts]
        both = zip(parts, rows, strict=True)
        return [(part._replace(items=frozenset(items)), locked) for part, (items, locked) in both]

    async def _split(self, parts: Sequence[Part], until: float, held: set[str]) -> list[Delivery]:
        """Take in answers, in their order; by halves where some of them can't be taken in, or meet a lock.

        held: what was set aside of those before them.
        """
        parts = [part for part in parts if not self._waits(part, held)]
        if not parts:
            return []
        batch = [part.delivery for part in parts]
        try:
            await self._reporting.report(batch, LOCK_TIMEOUT)
        except REFUSALS as error:
            if len(batch) == 1:
                await self._reporting.refuse(batch[0], error)
                return batch
        except LOCKED:
            if len(batch) == 1 or time.monotonic() > until:
                self._hold(parts, held)
                return []
        else:
            return batch
        middle = len(parts) // 2
        return await self._split(parts[:middle], until, held) + await self._split(parts[middle:], until, held)

    def _waits(self, part: Part, held: set[str]) -> bool:
        """Whether an answer has to wait for what was set aside; then it is, too."""
        if held.isdisjoint(part.names()):
            return False
        self._set_aside(part)
        held |= part.items
        return True

    def _hold(self, parts: Sequence[Part], held: set[str]) -> None:
        """Set aside what has met a lock. Of a single answer it is known that its job is locked."""
        for part in parts:
            self._set_aside(part)
            held |= part.items
        if len(parts) == 1:
            locked = {_job(item) for item in parts[0].items} or {NO_ITEM}
            held |= locked
            self._held |= locked
            self._locked |= locked

    def _set_aside(self, part: Part) -> None:
        self._aside.append(part)
        self._held |= part.items


def _job(item: str) -> str:
    return item.partition("-")[0]


def _told(name: str) -> str:
    return f"job {name}" if name.isdigit() else name
