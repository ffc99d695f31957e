"""Jobs with a pace among the others: rates, windows, pauses, canaries, stops and backlogs, each halted and let go."""

from __future__ import annotations

import heapq
import itertools
import random
from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from typing import Any

from psycopg.types.json import Jsonb

from pgjobs.torture.halts import PAUSE, Halts
from pgjobs.torture.place import UNTRACKED, Place

UNFINISHED = 2
PLAIN = "num_nonnulls(rate, max_backlog, stop_at) = 0 and schedule = '{}' and budget = '{}'"
"""What the jobs without a pace have in common."""
OPEN = f"select count(*) from public.xmp_jobs where status <> 'done' and {UNTRACKED} and not ({PLAIN})"  # noqa: S608 text of our own
ADD = """
insert into public.xmp_jobs (type, params, shards, rate, max_backlog, stop_at, schedule, budget)
values ('expired', %s, %s, %s, %s, clock_timestamp() + make_interval(secs => %s), %s, %s) returning id, stop_at
"""
ACTIVATE = "update public.xmp_jobs set active = %s where id = %s and status <> 'done'"
OPEN_WINDOW = "update public.xmp_jobs set schedule = %s where id = %s and status <> 'done'"
LIFT = f"""
update public.xmp_jobs set active = true, rate = null, max_backlog = null, schedule = '{{}}', budget = '{{}}'
where status not in ('done', 'canceled') and not ({PLAIN} and active)
"""  # noqa: S608 text of our own
HELD = """
select h.job_id, (j.budget #>> '{canary,first}')::bigint,
  (select sum(p.sent + p.returned)::bigint from pgjobs.shards p where p.job_id = j.id)
from pgjobs.holds h join public.xmp_jobs j on j.id = h.job_id
where h.kind = 'canary' and h.released_at is null and j.budget ? 'canary' order by 1
"""
MANY = 1_000_000
"""A backlog that asks for the length of the queue and never limits: nobody consumes before everything is over."""


class Paced:
    """Adds such jobs, halts them and lets them go."""

    def __init__(self, place: Place, halts: Halts, seed: int) -> None:
        self.findings: list[str] = []
        self._place = place
        self._halts = halts
        self._rng = random.Random(seed + 2)  # noqa: S311 not a secret
        self._added = 0
        self._looked_at: set[int] = set()
        self._todo: list[tuple[float, int, Callable[[float], None]]] = []
        self._number = itertools.count()

    def refill(self, now: float) -> None:
        """Keep a few of them unfinished, of all kinds in turn."""
        kinds = (self._rated, self._stopped, self._open, self._closed, self._paused, self._canary, self._crowded)
        while self._place.value(OPEN) < UNFINISHED:
            kinds[self._added % len(kinds)](now)
            self._added += 1

    def tend(self, now: float) -> None:
        """Do what is due, and look at canaries that are through."""
        while self._todo and self._todo[0][0] <= now:
            heapq.heappop(self._todo)[2](now)
        for job, first, published in self._place.rows(HELD):
            if job not in self._looked_at:
                self._looked_at.add(job)
                self._halts.note("canary", job, windows=0)
                if published != first:
                    self.findings.append(f"job {job} is held behind {published} records, and its canary has {first}")
                self._later(now, self._rng.uniform(0.2, 1), partial(self._activate, "canary", job))

    def lift(self) -> None:
        """Nothing limits any of them any more; what a stop has closed stays closed."""
        self._todo.clear()
        self._halts.lift()
        self._place.rows(LIFT)

    def _later(self, now: float, seconds: float, do: Callable[[float], None]) -> None:
        heapq.heappush(self._todo, (now + seconds, next(self._number), do))

    def _add(self, **columns: Any) -> tuple[int, datetime | None]:
        """A job of a few days; a rate makes it last for some seconds."""
        day = self._rng.randint(1, 25)
        params = {"date_from": f"2017-01-{day:02}", "date_to": f"2017-01-{day + self._rng.randint(1, 4):02}"}
        schedule, budget = Jsonb(columns.get("schedule", {})), Jsonb(columns.get("budget", {}))
        plain = (columns.get(name) for name in ("shards", "rate", "max_backlog", "stop_after"))
        job, stop_at = self._place.rows(ADD, Jsonb(params), *plain, schedule, budget)[0]
        return int(job), stop_at

    @property
    def _rate(self) -> int:
        return max(20, self._place.scale.retries // 50)

    def _rated(self, _now: float) -> None:
        job, _ = self._add(rate=self._rate, shards=2)
        self._halts.limit(job, self._rate)

    def _open(self, _now: float) -> None:
        self._add(schedule=_hours(-1), shards=self._rng.choice([1, 2]))

    def _closed(self, now: float) -> None:
        job, _ = self._add(schedule=_hours(3), shards=self._rng.choice([1, 2]))
        self._halts.note("closed window", job, windows=0)

        def open_window(_now: float) -> None:
            self._halts.end("closed window", job)
            self._place.rows(OPEN_WINDOW, Jsonb(_hours(-1)), job)

        self._later(now, self._rng.uniform(1, 3), open_window)

    def _paused(self, now: float) -> None:
        job, _ = self._add(rate=self._rate, shards=3)
        self._halts.limit(job, self._rate)
        seconds = self._rng.uniform(0.3, 2)

        def pause(then: float) -> None:
            self._place.rows(ACTIVATE, False, job)
            self._halts.note(PAUSE, job)
            self._later(then, seconds, partial(self._activate, PAUSE, job))

        self._later(now, self._rng.uniform(0.3, 2), pause)

    def _canary(self, _now: float) -> None:
        self._add(budget={"canary": {"first": self._rng.randint(5, 100)}}, shards=3)

    def _stopped(self, _now: float) -> None:
        job, stop_at = self._add(rate=self._rate, stop_after=self._rng.uniform(1, 3), shards=2)
        self._halts.limit(job, self._rate)
        self._halts.note("stop", job, since=stop_at)

    def _crowded(self, _now: float) -> None:
        self._add(max_backlog=MANY, shards=2)

    def _activate(self, what: str, job: int, _now: float) -> None:
        self._halts.end(what, job)
        self._place.rows(ACTIVATE, True, job)


def _hours(ahead: int) -> dict[str, Any]:
    """A schedule whose window opens so many hours from now and is three hours long."""
    hour = datetime.now(UTC).hour
    return {"window": {"start": f"{(hour + ahead) % 24:02}:00", "stop": f"{(hour + ahead + 3) % 24:02}:00"}}
