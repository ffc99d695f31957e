"""When nothing may be published, of one job or of all, and whether the checkpoints kept to it: pauses, holds, stops."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from pgjobs.torture.oracle import IN_FLIGHT
from pgjobs.torture.place import Place

PAUSE = "paused"
ON_THE_WAY = IN_FLIGHT + 1
"""Windows that a shard may still publish: those in flight, and one more where a checkpoint had begun before the halt
was committed, so that its answer was still "go"."""
NOW = "select clock_timestamp()"
PUBLISHED = """
select c.job_id, c.shard, sum(c.sent + c.returned)::bigint from pgjobs.checkpoints c
where (%s::bigint is null or c.job_id = %s) and c.at > %s and c.at < %s
group by 1, 2 having sum(c.sent + c.returned) > %s order by 1, 2
"""
TOO_FAST = """
select count(*), max(s.sent) from (
  select sum(c.sent + c.returned) over (order by c.at) as sent, c.at from pgjobs.checkpoints c
  where c.job_id = %s and c.at < %s) s
cross join lateral (
  select min(e.at) as first, count(*) as begins from pgjobs.events e
  where e.job_id = %s and e.to_status = 'in progress' and e.at <= s.at) b
where s.sent > %s * (extract(epoch from s.at - b.first) + b.begins)
"""
"""Checkpoints behind which more is published than a rate allows; who begins anew may send a second's worth at once."""
TIMED_OUT = """
select o.job_id, j.stop_at, sum(o.n)::bigint from pgjobs.outcomes o join public.xmp_jobs j on j.id = o.job_id
where o.code = 'timed_out' group by 1, 2 order by 1
"""


@dataclass
class Span:
    """From when until when a job (None: every job) publishes nothing but so many windows in each shard."""

    what: str
    job: int | None
    since: datetime
    windows: int
    until: datetime | None = None


class Halts:
    """Notes what is halted, as the clock of the database has it, and judges it when everything is over."""

    def __init__(self, place: Place) -> None:
        self.counts: Counter[str] = Counter()
        self.timed_out = 0
        self._place = place
        self._spans: list[Span] = []
        self._rates: dict[int, float] = {}
        self._lifted: datetime | None = None

    def note(
        self, what: str, job: int | None = None, *, since: datetime | None = None, windows: int = ON_THE_WAY
    ) -> None:
        """From now on (or from a moment on) nothing is published."""
        self.counts[what] += 1
        self._spans.append(Span(what, job, since or self._place.value(NOW), windows))

    def limit(self, job: int, rate: float) -> None:
        """A job publishes no more than so many records per second."""
        self.counts["rate"] += 1
        self._rates[job] = rate

    def end(self, what: str, job: int | None = None) -> None:
        """It is about to end: what is published from now on is right."""
        now = self._place.value(NOW)
        for span in self._spans:
            if (span.what, span.job, span.until) == (what, job, None):
                span.until = now

    def lift(self) -> None:
        """Every limit is about to go, and everything but the stops ends."""
        self._lifted = self._place.value(NOW)
        for span in self._spans:
            if span.what != "stop":
                span.until = span.until or self._lifted

    def judge(self) -> list[str]:
        """A sentence for each limit that was not kept, and for what was given up without a stop."""
        return [*self._published(), *self._too_fast(), *self._given_up()]

    def _published(self) -> Iterator[str]:
        """What is published although nothing may be."""
        for span in self._spans:
            most = span.windows * self._place.scale.window
            until = span.until or self._place.value(NOW)
            for job, shard, sent in self._place.rows(PUBLISHED, span.job, span.job, span.since, until, most):
                yield f"job {job}, shard {shard} published {sent} records in spite of {span.what}, {most} were allowed"

    def _too_fast(self) -> Iterator[str]:
        for job, rate in self._rates.items():
            until = self._lifted or self._place.value(NOW)
            ((number, sent),) = self._place.rows(TOO_FAST, job, until, job, rate)
            if number:
                yield f"job {job} published {sent} records, more than its rate of {rate} allows ({number} checkpoints)"

    def _given_up(self) -> Iterator[str]:
        for job, stop_at, number in self._place.rows(TIMED_OUT):
            self.timed_out += number
            if stop_at is None:
                yield f"job {job}: {number} records are timed out, and it has no stop"
