"""The run itself: let the schedule happen, let everything become quiet, take every message, and judge."""

from __future__ import annotations

import heapq
import itertools
import signal
import time
from collections.abc import Callable, Mapping
from typing import Any

from pgjobs.lab.draining import drain
from pgjobs.lab.services import Services
from pgjobs.torture import kept, schedule
from pgjobs.torture.database import REFUSAL, TRIGGER
from pgjobs.torture.fleet import Daemon, fleet_of
from pgjobs.torture.halts import Halts
from pgjobs.torture.injector import FaultInjector
from pgjobs.torture.jobs import Jobs
from pgjobs.torture.looks import ERRORS, MOVING, PROGRESS
from pgjobs.torture.oracle import Certificate, judge
from pgjobs.torture.paced import Paced
from pgjobs.torture.place import Place, Scale, prepared
from pgjobs.torture.tracked.surroundings import Deed, Surroundings, deeds, surroundings_of
from pgjobs.torture.verdict import Verdict

QUIET_SECONDS = 240.0
STUCK_SECONDS = 20.0
LOOK_SECONDS = 0.05
PATIENCE_SECONDS = 2.5
TAKE_RECORDS = 100_000
ACK_SECONDS = 2.0
HELD = "everything held"
Tell = Callable[[str], None]
Event = schedule.Fault | schedule.Order | schedule.Hold | Deed


class Chaos:
    """One run on one place."""

    def __init__(
        self, place: Place, fleet: list[Daemon], halts: Halts, surroundings: Surroundings, seed: int, tell: Tell
    ) -> None:
        place.rows(TRIGGER)
        self.place = place
        self.fleet = fleet
        self.halts = halts
        self.surroundings = surroundings
        self.jobs = Jobs(place, seed, self.halts)
        self.paced = Paced(place, self.halts, seed)
        self.injector = FaultInjector(place, fleet, self.jobs)
        self.findings: list[str] = []
        self._tell = tell
        self._undo: list[tuple[float, int, Callable[[], None]]] = []
        self._number = itertools.count()
        self._messages: list[tuple[str, Mapping[str, Any]]] = []
        self._headers: dict[str, Mapping[str, Any]] = {}

    def run(self, faults: list[schedule.Fault], others: list[Event]) -> None:
        """Faults and orders in their order; dead daemons come back, jobs never run out.

        A fault is injected when it is due and records have moved since the last one, or have not moved for too long:
        faults that meet only starting daemons show little.
        """
        for daemon in self.fleet:
            daemon.start()
        self._refill(0)
        todo = [*faults, *others]
        todo.sort(key=lambda each: each.at)
        late = 0.0
        moved, taken, since = 0, 0, time.monotonic()
        began = since
        while todo or self._undo:
            now = time.monotonic() - began
            records = self._progress(len(faults), now)
            self._find_stranded()
            while self._undo and self._undo[0][0] <= now:
                heapq.heappop(self._undo)[2]()
            if todo and todo[0].at + late <= now and (records > moved or time.monotonic() - since > PATIENCE_SECONDS):
                late = now - todo[0].at
                self._happen(todo.pop(0), now)
                moved, since = records, time.monotonic()
            for daemon in self.fleet:
                daemon.start()
            self.jobs.tend(now)
            self.paced.tend(now)
            self.surroundings.tend(now, more=bool(todo))
            if todo:
                self._refill(now)
            if records > taken + TAKE_RECORDS and not self._undo and self.injector.idle:
                self._take()
                taken = records
            time.sleep(LOOK_SECONDS)

    def _refill(self, now: float) -> None:
        if not self.surroundings.alone:
            self.jobs.refill()
            self.paced.refill(now)

    def _happen(self, what: Event, now: float) -> None:
        if isinstance(what, schedule.Order):
            self.jobs.order(what, now)
            return
        if isinstance(what, Deed):
            undo = self.surroundings.happen(what, now)
        else:
            undo = self._hold_all() if isinstance(what, schedule.Hold) else self.injector.inject(what)
        if undo is not None:
            heapq.heappush(self._undo, (now + what.seconds, next(self._number), undo))

    def _hold_all(self) -> Callable[[], None]:
        """Throw the kill switch; the answer releases it."""
        self.place.rows("select pgjobs.hold_all('the torture holds everything')")
        self.halts.note(HELD)

        def release() -> None:
            self.halts.end(HELD)
            self.place.rows("select pgjobs.release_all()")

        return release

    def _progress(self, faults: int, now: float) -> int:
        """Tell how far it is; the number of records checkpointed."""
        jobs, done, records = self.place.rows(PROGRESS)[0]
        injected = self.injector.injected.total()
        self._tell(f"{now:4.0f} s · {injected:,} of {faults:,} faults · {done} of {jobs} jobs · {records:,} records")
        return int(records)

    def _find_stranded(self) -> None:
        for job in self.jobs.stranded():
            finding = f"job {job} was left with no shard that is held or due"
            if finding not in self.findings:
                self.findings.append(finding)

    def quiet(self) -> None:
        """Nothing is broken any more: every job has to end, and none may stand still without saying why."""
        self.injector.wait()
        for daemon in self.fleet:
            daemon.send(signal.SIGCONT)
            for proxy in daemon.proxies or ():
                proxy.heal(drop=True)
        self.surroundings.lift()
        self.paced.lift()
        began = moved = time.monotonic()
        before: list[tuple[object, ...]] = []
        while time.monotonic() - began < QUIET_SECONDS:
            for daemon in self.fleet:
                daemon.start()
            self.surroundings.tend(0, more=False)
            self.jobs.resume_all()
            self._find_stranded()
            now = self.place.rows(MOVING)
            if not now:
                self.findings += self.surroundings.settle(self._tell)
                return
            if now != before:
                before, moved = now, time.monotonic()
            elif time.monotonic() - moved > STUCK_SECONDS and any(row[2] is None for row in now):
                break
            self._tell(f"everything is repaired; {len(now)} jobs are still at work")
            time.sleep(0.3)
        for job, status, why, *_ in before:
            self.findings.append(f"job {job} stands still as {status}, and says: {why}")

    def _take(self) -> None:
        """Take off the queue what is there, while the broker is well: it recovers a long queue slowly.

        A classic queue writes acks down late, so a broker killed at once would hand out the same messages again.
        """
        for name, headers in drain(self.place.amqp_url, self.place.queue):
            # There are few different headers, and millions of messages.
            self._messages.append((name, self._headers.setdefault(str(headers), headers)))
        time.sleep(ACK_SECONDS)

    def judge(self) -> Certificate:
        """End the daemons, take every message, compare."""
        for daemon in self.fleet:
            if not daemon.end():
                self.findings.append(f"daemon {daemon.index} did not let go within 15 s of SIGTERM")
        for job, reason in self.place.rows(ERRORS, f"%{REFUSAL}%"):
            self.findings.append(f"job {job} broke off, and neither disk nor trigger was to blame: {reason}")
        self.findings += self.paced.findings + self.halts.judge()
        self._tell("taking every message off the queue")
        self._take()
        messages = self._messages
        ranges = self.place.value("select count(*) from pgjobs.job_uncertain")
        expected = self.jobs.expected()
        self._tell(f"judging {len(messages):,} messages of {len(expected)} jobs")
        window = self.place.scale.window
        certificate = judge(self.place.connection(), messages, expected, faults=ranges, window=window)
        self.surroundings.judge(certificate)
        return certificate


def run(
    seed: int,
    count: int,
    seconds: float,
    *,
    daemons: int = 3,
    queue: str = "quorum",
    alone: bool = False,
    scale: Scale | None = None,
    tell: Tell = lambda _words: None,
    services: Services | None = None,
) -> Verdict:
    """Torture with `count` faults over `seconds`; a violation leaves all it takes to understand it.

    alone: nothing but tracked jobs.
    """
    began = time.monotonic()
    with prepared(queue, scale or Scale(), services) as place:
        encrypted = place.amqp_url.startswith("amqps") or "sslmode" in place.database_url
        halts = Halts(place)
        with (
            fleet_of(place, daemons, 0 if encrypted else max(1, daemons // 2)) as fleet,
            surroundings_of(place, halts, seed, queue, alone=alone) as surroundings,
        ):
            proxied = [daemon.index for daemon in fleet if daemon.proxies]
            faults, orders = schedule.make(
                seed, count, seconds, daemons=daemons, proxied=proxied, private=place.private
            )
            chaos = Chaos(place, fleet, halts, surroundings, seed, tell)
            try:
                chaos.run(faults, [*orders, *schedule.holds(seed, seconds), *deeds(seed, seconds)])
                chaos.quiet()
                certificate = chaos.judge()
            finally:
                chaos.injector.close()
            jobs = place.value("select count(*) from public.xmp_jobs")
            injected = chaos.injector.injected
            took = time.monotonic() - began
            verdict = Verdict(seed, queue, injected, jobs, chaos.jobs.stops, took, certificate, chaos.findings)
            verdict.halted, verdict.timed_out = halts.counts, halts.timed_out
            verdict.alone, verdict.deeds, verdict.items = alone, surroundings.counts, surroundings.figures
            if not verdict.good:
                verdict.kept = kept.keep(place, seed, certificate.violations + chaos.findings, faults)
    return verdict
