"""A claimed shard: the one place that knows who owns it, and every call that only its owner may make.

Each call carries job, shard and epoch. An owner of old is answered with no row, and `Fenced` is raised.
"""

from __future__ import annotations

import asyncio
from datetime import timedelta
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import psycopg
from psycopg.types.json import Jsonb

from pgjobs import failpoints as faults
from pgjobs.engine.claim import Claim
from pgjobs.engine.control import Control
from pgjobs.engine.lease import Lease, Orders, Parking, boot_seconds
from pgjobs.errors import Fenced
from pgjobs.joblog.record import Refused
from pgjobs.joblog.writer import Segment

TELL_SECONDS = 2.0
"""Seconds that a run waits for the broker before the reason is stored."""


class Position(NamedTuple):
    """Where reading goes on: behind `after_key`, up to `end_key`, at most `remaining` records to be sent.

    Up to `announced` may be published before anything else is stored. `zones`: see selector_statement(). `attempt`:
    which one of its items the round is about; None where it has none.
    """

    after_key: int | None
    end_key: int | None
    empty: bool
    remaining: int | None
    lsn: str
    announced: int | None
    zones: list[str] | None
    attempt: int | None


class Grant(NamedTuple):
    """What a run may publish (see grant_records()): `at_most` records, after `delay`, while `valid` has not passed.

    `queue`: the one whose length it has to tell with its next question; None where the length limits nothing.
    """

    verdict: str
    pause: timedelta | None
    reason: str | None
    at_most: int
    delay: timedelta | None
    valid: timedelta | None
    queue: str | None


class Bounds(NamedTuple):
    """What measure_selection() has found."""

    start_key: int | None
    first_key: int | None
    end_key: int | None
    send_limit: int | None
    estimate: int | None
    cuts: list[int] | None
    zones: list[str] | None


UNMEASURED = Bounds(None, None, None, None, None, None, None)
"""Of a shard that is prepared already."""


ORDERS = ("verdict", "pause", "reason", "paced")
OPENED = (*ORDERS, *Position._fields, "path", "bytes", "chain")
"""Columns by name: a later version of the functions may answer with more."""


class Shard:
    """One shard of a job under one epoch, with its lease."""

    def __init__(self, claim: Claim, control: Control, lease_seconds: float, claimed_at: float) -> None:
        self.claim = claim
        self.lease = Lease(lease_seconds, claimed_at, self.renew)
        self._control = control
        self._key = {"job_id": claim.job_id, "shard": claim.shard, "epoch": claim.epoch}
        self._wait_reason: str | None = None

    def fenced(self) -> Fenced:
        """What is to be raised where the shard has another owner; its lease is lost."""
        error = Fenced(f"job {self.claim.job_id}: another owner has taken shard {self.claim.shard} over")
        self.lease.lose(error)
        return error

    @property
    def key(self) -> tuple[int, int, int]:
        """Job, shard and epoch."""
        return self.claim.job_id, self.claim.shard, self.claim.epoch

    async def renew(self, in_flight_to: int | None = None) -> None:
        """Renew the lease, and announce how far will be published before the next checkpoint."""
        await self._ask("pgjobs.renew_lease", in_flight_to=in_flight_to, note=self._wait_reason)

    async def wait_because(self, reason: str | None) -> None:
        """Store why the shard waits, for pgjobs.why(); None: it waits no more, and its next checkpoint clears it."""
        if reason != self._wait_reason:
            self._wait_reason = reason
            if reason is not None:
                await self.renew()

    async def lasts_for(self, work: asyncio.Future[Any], reason: str) -> bool:
        """Wait for work that may take long, and store the reason where it does; False: the run ends first."""
        try:
            if not await self.lease.comes_within(work, TELL_SECONDS) and not self.lease.stopping:
                await self.wait_because(reason)
            return await self.lease.outlasts(work)
        finally:
            work.cancel()
            await self.wait_because(None)

    async def note_repeats(self, to_key: int) -> None:
        """Note that messages up to a key are published again, so that some may be there twice."""
        await self._ask("pgjobs.note_repeats", to_key=to_key)

    async def checkpoint(self, **progress: Any) -> None:
        """Store what one window has come to, as the arguments of checkpoint_job() say."""
        await self._ask("pgjobs.checkpoint_job", **progress | {"outcomes": Jsonb(progress["outcomes"])})
        self.lease.progressed()

    async def checkpoint_refused(self, refused: list[Refused], **progress: Any) -> None:
        """Store what one window has come to, and keep those of its records that were not sent."""
        keys, codes, targets = (list(column) for column in zip(*refused, strict=True))
        kept = {"keys": keys, "codes": codes, "targets": targets}
        await self._ask("pgjobs.checkpoint_refused", **progress | kept | {"outcomes": Jsonb(progress["outcomes"])})
        self.lease.progressed()

    async def checkpoint_items(
        self, unsent: dict[int, tuple[str, str | None]], keys: list[int] | None, **progress: Any
    ) -> None:
        """Store what one window of items has come to; `unsent`: (code, detail) of what could not be sent, by key.

        `keys`: those of the window, where it is a further attempt.
        """
        arguments = progress | {"outcomes": Jsonb(progress["outcomes"]), "unsent": Jsonb(unsent), "keys": keys}
        await self._ask("pgjobs.checkpoint_items", **arguments)
        self.lease.progressed()

    async def grant(self, wanted: int, depth: int | None, seen: int | None) -> Grant:
        """Ask how much of a window may be published, and when.

        `depth` messages lay ready in the target queue when `seen` had been published (see published_so_far()).
        """
        arguments = {"wanted": wanted, "depth": depth, "seen": seen}
        return Grant(*await self._row("pgjobs.grant_records", Grant._fields, **arguments))

    async def published_so_far(self) -> int:
        """How much was published by all that share the backlog of the job."""
        return int(await self._control.value("select pgjobs.published_so_far(%s)", self.claim.job_id))

    async def anything_sent(self) -> bool:
        """Whether any record of the job has come to a queue so far."""
        return bool(await self._control.value("select pgjobs.anything_sent(%s)", self.claim.job_id))

    async def checkpoint_and_finish(self, **progress: Any) -> str | None:
        """Store the last window and end the shard; None where only the window is stored, and finish() is to be asked.

        An end that is refused is no reason to lose the window: finish() is told of the refusal again.
        """
        arguments = progress | {"outcomes": Jsonb(progress["outcomes"])}
        try:
            (answer,) = await self._ask("pgjobs.checkpoint_and_finish", (*ORDERS, "answer"), **arguments)
        except psycopg.Error as error:
            if error.sqlstate is None:
                raise
            await self.checkpoint(**progress)
            return None
        self.lease.progressed()
        return str(answer) if answer else None

    async def open(self, bounds: Bounds | None, host: str, path: Path, most: int) -> tuple[Position, Segment]:
        """Where the shard goes on, and its log, after its job was cut into shards by `bounds`; None: it was before.

        Where no more than `most` records may be sent, all are announced.
        """
        found = (bounds or UNMEASURED)._asdict()
        row = await self._ask("pgjobs.open_shard", OPENED, host=host, path=str(path), most=most, **found)
        return Position(*row[:-3]), Segment(Path(row[-3]), *row[-2:])

    async def open_log(self, host: str, path: Path, *, further: bool) -> Segment:
        """The file its log goes to."""
        found = await self._row("pgjobs.open_log", host=host, path=str(path), further=further)
        return Segment(Path(found[0]), *found[1:])

    async def finish(self) -> str | None:
        """End an exhausted shard: 'done' when the job is, 'finished' when others go on, None when fenced out."""
        answer: str | None = (await self._row("pgjobs.finish_shard"))[0]
        return answer

    async def release(self, *, clean: bool, hand_back: bool) -> None:
        """Give the shard up, at once for anybody; clean means that nothing is in flight."""
        await self._row("pgjobs.release_shard", clean=clean, hand_back=hand_back)

    async def park(self, parking: Parking, *, clean: bool, failure: bool) -> None:
        """Give the shard up for a while; a failure makes the pause grow with each one before."""
        arguments = {"clean": clean, "pause": parking.pause, "reason": parking.reason, "failure": failure}
        await self._row("pgjobs.park_shard", ("*",), **arguments)

    async def fail(self, code: str, sentence: str, *, clean: bool, late_key: int | None) -> None:
        """Break the job off with a sentence that names the thing to mend."""
        await self._row("pgjobs.fail_job", clean=clean, code=code, sentence=sentence, late_key=late_key)

    async def _ask(self, function: str, columns: tuple[str, ...] = ORDERS, **arguments: Any) -> tuple[Any, ...]:
        """Make a call that renews the lease, obey its answer, and return what else it says."""
        faults.fail("sql")
        asked_at = boot_seconds()
        lease = timedelta(seconds=self.lease.seconds)
        async with asyncio.timeout(self.lease.seconds):
            verdict, pause, reason, paced, *rest = await self._row(function, columns, lease=lease, **arguments)
        self.lease.obey(Orders(verdict, pause, reason, paced), asked_at)
        return tuple(rest)

    async def _row(self, function: str, columns: tuple[str, ...] = ("*",), **arguments: Any) -> tuple[Any, ...]:
        text = _call(function, ("job_id", "shard", "epoch", *arguments), columns)
        row = await self._control.row(text, self._key | arguments)
        if row is None:
            raise self.fenced()
        return row


@cache
def _call(function: str, names: tuple[str, ...], columns: tuple[str, ...]) -> bytes:
    """The statement that calls a function with these arguments by their names, for these columns of its answer."""
    arguments = ", ".join(f"_{name} => %({name})s" for name in names)
    return f"select {', '.join(columns)} from {function}({arguments})".encode()  # noqa: S608 names of our own
