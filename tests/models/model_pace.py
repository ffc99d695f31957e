"""What may be published when, in plain Python from the contract alone: the oracle of the simulated schedules.

Nothing is shared with the engine. A game has two clocks: `at` goes on steadily, as rates and leases are felt; the clock
on the wall shows at - set_back, and windows and stops go by it. A course is told what happens to its job, refuses at
once what must not be published, and says in the end how long the job could have taken at best.
"""

import dataclasses
import math
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from itertools import pairwise

from model_windows import DAY, Window, spans

SECOND = timedelta(seconds=1)
NEVER = datetime(9000, 1, 1, tzinfo=UTC)
GRACE = 3.0
"""Seconds that a job may lose at each beginning: a look at the queue, a grant that came too late, a turn."""
CRASH = 50.0
"""Seconds until the shards of a daemon that has vanished are taken over: its lease, and then its silence."""


@dataclasses.dataclass(frozen=True)
class Order:
    """What somebody wants of a job; its stop is a moment of the clock on the wall."""

    records: int
    shards: int = 1
    rate: float | None = None
    windows: tuple[Window, ...] = ()
    stop_at: datetime | None = None
    stop_after: timedelta | None = None
    max_backlog: int | None = None
    canary: int | None = None


@dataclasses.dataclass(frozen=True)
class State:
    """What holds for a job from a moment on."""

    at: datetime
    set_back: timedelta = timedelta(0)
    active: bool = True
    looked_at: bool = False
    held: bool = False
    daemons: int = 2
    rate: float | None = None
    type_rate: float | None = None
    windows: tuple[Window, ...] = ()
    stop: datetime | None = None

    @property
    def speed(self) -> float:
        """Records per second at most."""
        return min((rate for rate in (self.rate, self.type_rate) if rate is not None), default=math.inf)

    def shown(self, at: datetime) -> datetime:
        """What the clock on the wall shows."""
        return at - self.set_back

    def open(self, begin: datetime, end: datetime) -> Iterator[tuple[datetime, datetime]]:
        """When between two moments records may go out by the windows and the stop."""
        end = end if self.stop is None else min(end, self.stop + self.set_back)
        if not self.windows:
            yield from [(begin, end)] if begin < end else []
            return
        first, last = self.shown(begin).date(), self.shown(end).date()
        for opens, closes in united(spans(self.windows, first - 3 * DAY, (last - first).days + 5)):
            found = max(begin, opens + self.set_back), min(end, closes + self.set_back)
            if found[0] < found[1]:
                yield found

    def refuses(self, at: datetime) -> str | None:
        """Why nothing may be published at this moment."""
        if self.held:
            return "everything is held"
        if self.stop is not None and self.shown(at) >= self.stop:
            return "its stop has come"
        if not self.active:
            return "it is paused"
        if not any(self.open(at, at + timedelta(microseconds=1))):
            return "its window is closed"
        return None


def united(found: Sequence[tuple[datetime, datetime]]) -> list[tuple[datetime, datetime]]:
    """The same time in spans that do not touch."""
    whole: list[tuple[datetime, datetime]] = []
    for opens, closes in sorted(found):
        if whole and opens <= whole[-1][1]:
            whole[-1] = whole[-1][0], max(whole[-1][1], closes)
        else:
            whole.append((opens, closes))
    return whole


def seconds(span: timedelta) -> float:
    return span.total_seconds()


class Limit:
    """A rate: how many records went at which moments, and what it was when."""

    def __init__(self, at: datetime, rate: float | None) -> None:
        self.rates = [(at, rate)]
        self.gone: list[tuple[datetime, int]] = []

    def change(self, at: datetime, rate: float | None) -> None:
        self.rates.append((at, rate))

    def publish(self, at: datetime, n: int) -> None:
        """In no time up to now there went more than its rate says and a second's worth."""
        self.gone.append((at, n))
        total = 0
        for begin, number in reversed(self.gone):
            total += number
            most = self._most(begin, at)
            assert total <= most + 1e-6, f"{total} records from {begin} to {at}, at most {most} may go"

    def _most(self, begin: datetime, end: datetime) -> float:
        """A rate that was changed a second before still counts: what it has granted is on its way."""
        most = 0.0
        for (since, rate), (until, _) in pairwise([*self.rates, (NEVER, None)]):
            if since > end or until + SECOND < begin:
                continue
            if rate is None:
                return math.inf
            most += max(0.0, seconds(min(end, until) - max(begin, since))) * rate + max(rate, 1 + 0.8 * rate)
        return most


class Queue:
    """The queue and its consumer, who takes so many messages per second; None: nobody limits it."""

    def __init__(self, at: datetime, consumed: float) -> None:
        self.at, self.consumed, self.level = at, consumed, 0.0

    def depth(self, at: datetime) -> int:
        """How many messages lie ready."""
        self.level = max(0.0, self.level - seconds(at - self.at) * self.consumed)
        self.at = at
        return math.ceil(self.level - 1e-9)

    def publish(self, at: datetime, n: int) -> int:
        """How many lie ready with these."""
        self.depth(at)
        self.level += n
        return self.depth(at)


class Course:
    """One job from its start to its end; what must not happen to it is refused when it happens."""

    def __init__(self, order: Order, start: State, shared: Limit, queue: Queue) -> None:
        self.order, self.states, self.shared, self.queue = order, [start], shared, queue
        self.own = Limit(start.at, start.rate)
        self.gone: list[tuple[datetime, datetime, int]] = []
        self.timed_out = 0
        self.contenders = 1
        self.held_for_a_look = False
        self.started: datetime | None = None
        self.said: tuple[datetime, str] | None = None
        self.ended: datetime | None = None

    @property
    def now(self) -> State:
        return self.states[-1]

    @property
    def published(self) -> int:
        return sum(n for _, _, n in self.gone)

    def become(self, at: datetime, **changes: object) -> None:
        """Something about it is different from now on."""
        before = self.now
        self.states.append(dataclasses.replace(before, at=at, **changes))  # type: ignore[arg-type] # by their names
        if self.now.rate != before.rate:
            self.own.change(at, self.now.rate)
        self.said = None

    def start(self, at: datetime) -> None:
        """It begins: from here its time to the stop counts."""
        self.started = self.now.shown(at)
        self.become(at, stop=self.stop(self.now.stop))

    def stop(self, stop_at: datetime | None) -> datetime | None:
        """When it ends with this stop_at, by the clock on the wall."""
        if self.started is None or self.order.stop_after is None:
            return stop_at
        after = self.started + self.order.stop_after
        return after if stop_at is None else min(stop_at, after)

    def publish(self, at: datetime, n: int, most: int) -> None:
        """So many records go out now; `most` is what a window holds."""
        self.move(at)
        refused = self.now.refuses(at)
        assert refused is None or self._was_right(at), f"{n} records at {self.now.shown(at)}, but {refused}"
        self.gone.append((at, self.now.shown(at), n))
        assert self.published + self.timed_out <= self.order.records
        if self.order.canary is not None and not self.now.looked_at:
            assert self.published <= self.order.canary, "more than its canary"
        self.own.publish(at, n)
        self.shared.publish(at, n)
        depth = self.queue.publish(at, n)
        if self.order.max_backlog is not None:
            assert depth <= self.order.max_backlog + most, f"{depth} messages lie ready"

    def _was_right(self, at: datetime) -> bool:
        """Whether another window or stop held until a moment ago; a pause and a hold act at once."""
        before = self.states[-2] if len(self.states) > 1 else self.now
        same = (before.active, before.held) == (self.now.active, self.now.held)
        return same and at - self.now.at <= SECOND and before.refuses(at) is None

    def close(self, at: datetime, n: int) -> None:
        """So many records are accounted for as timed out."""
        self.move(at)
        self.timed_out += n
        stop = self.now.stop
        assert stop is not None, "it has no stop"
        assert self.now.shown(at) >= stop, "its stop has not come"
        assert self.published + self.timed_out <= self.order.records

    def move(self, at: datetime) -> None:
        """It does something: not before the moment that was said, and not long after it could."""
        if self.said is not None:
            assert self.said[0] <= self.now.shown(at), f"it moves at {self.now.shown(at)}, but {self.said[1]}"
            self.said = None
        last = self.gone[-1][0] if self.gone else self.states[0].at
        waited, allowed = self.open_seconds(last, at), self.longest_wait(last)
        assert waited <= allowed, f"from {last} to {at} it could have gone on for {waited} s, {allowed} s is too long"

    def longest_wait(self, since: datetime) -> float:
        """Seconds that may pass between two publications, with all that has happened since."""
        lately = [state for state, over in self._lasting(NEVER) if over >= since]
        turns = (1 + self.contenders) / min(state.speed for state in lately)
        queue = 0.0 if self.order.max_backlog is None else (self.order.max_backlog / 4 + 1) / self.queue.consumed
        # Nobody says in which order the jobs that wait for one queue fill it.
        queue *= 1 if self.contenders == 1 else 6
        return turns + queue + self.grace(lately)

    @staticmethod
    def grace(states: Sequence[State]) -> float:
        """Seconds that what has happened may cost."""
        changes = list(pairwise(states))
        crashes = sum(after.daemons < before.daemons for before, after in changes)
        back = sum((after.set_back - before.set_back for before, after in changes), timedelta(0))
        return GRACE * len(states) + CRASH * crashes + seconds(back)

    def _lasting(self, end: datetime) -> Iterator[tuple[State, datetime]]:
        """Each state, and until when it lasted."""
        return zip(self.states, [*(state.at for state in self.states[1:]), end], strict=True)

    def may_go(self, begin: datetime, end: datetime) -> Iterator[tuple[datetime, datetime, State]]:
        """When between two moments nothing kept it from publishing but its rates and its queue."""
        for state, over in self._lasting(end):
            since, until = max(begin, state.at), min(end, over)
            if since < until and state.active and not state.held and state.daemons:
                for opens, closes in state.open(since, until):
                    yield opens, closes, state

    def open_seconds(self, begin: datetime, end: datetime) -> float:
        """How long it could have gone on between two moments."""
        return sum(seconds(closes - opens) for opens, closes, _ in self.may_go(begin, end))

    def best(self, records: int) -> tuple[float, float]:
        """How many records could go until its end, of so many, and for how long it could have gone on until then."""
        assert self.ended is not None
        sent, passed, level, last = 0.0, 0.0, 0.0, self.states[0].at
        for opens, closes, state in self.may_go(self.states[0].at, self.ended):
            level = max(0.0, level - seconds(opens - last) * self.queue.consumed)
            last = closes
            left, most = seconds(closes - opens), self.order.max_backlog
            # As fast as it may until the queue is full, then as fast as the consumer takes.
            parts = [(left, state.speed)]
            if most is not None and state.speed > self.queue.consumed:
                filling = (most - level) / (state.speed - self.queue.consumed)
                burst = most - level if state.speed == math.inf else 0.0
                sent, level = sent + burst, level + burst
                parts = [(min(left, filling), state.speed), (max(0.0, left - filling), self.queue.consumed)]
            for length, speed in parts:
                needed = max(0.0, records - sent) / speed
                if sent >= records or needed <= length:
                    return records, passed + (needed if sent < records else 0.0)
                if length:
                    sent, passed = sent + length * speed, passed + length
                    level = max(0.0, level + length * (speed - self.queue.consumed))
        return sent, passed

    def end(self, at: datetime, others: int) -> None:
        """Every record has gone or was closed, and not much later than it could; others of its type went before it."""
        self.ended = at
        assert self.published + self.timed_out == self.order.records
        begin, speed = self.states[0].at, min(state.speed for state in self.states)
        openings = len(list(self.may_go(begin, at)))
        grace = self.grace(self.states) + openings * (GRACE + 1.2 / speed)
        sent, passed = self.best(self.order.records + others)
        if not self.timed_out:
            taken = self.open_seconds(begin, at)
            most = passed * (1.1 if self.order.max_backlog is None else 1.5) + grace
            assert taken <= most, f"it could have gone on for {taken} s in all, {passed} s would have been enough"
        elif not others and speed < math.inf:
            assert self.published >= 0.9 * sent - grace * speed - 1, f"only {self.published} went, {sent} could"
        if self.timed_out:
            late = self.seconds_since_stop(at)
            assert late <= self.grace(self.states), f"it was closed {late} s after its stop"

    def seconds_since_stop(self, at: datetime) -> float:
        """How long ago its stop came, without the time when no daemon could have closed it."""
        late = timedelta(0)
        for state, until in self._lasting(at):
            if state.stop is not None and state.daemons and not state.held:
                late += max(timedelta(0), until - max(state.at, state.stop + state.set_back))
        return seconds(late)
