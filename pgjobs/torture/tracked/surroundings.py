"""All that tracked jobs need beside the daemons: queues, agents, the go-between, and a schedule of their troubles."""

from __future__ import annotations

import contextlib
import random
import signal
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import pika

from pgjobs.torture.halts import Halts
from pgjobs.torture.oracle import Certificate
from pgjobs.torture.place import Place, queues_of
from pgjobs.torture.tracked.agents import KitAgent, SqlAgent
from pgjobs.torture.tracked.between import GoBetween, Queues
from pgjobs.torture.tracked.book import Book
from pgjobs.torture.tracked.jobs import TrackedJobs
from pgjobs.torture.tracked.judging import AUDIT, judge

AGENTS = 2
GAP_SECONDS = 2.0
SETTLE_SECONDS = 60.0
CALM = 6
"""So often in a row everything is found to be answered."""
DEEDS = {
    "agent kill -9": 10,
    "agent SIGTERM": 3,
    "agent SIGSTOP": 3,
    "useless answers": 2,
    "stop": 3,
    "pause": 3,
    "cancel": 1,
}
"""What happens to agents and jobs besides the faults, and how often."""


@dataclass(frozen=True)
class Deed:
    """One of them; `seed` decides on whom."""

    at: float
    kind: str
    seconds: float
    seed: int


def deeds(seed: int, seconds: float) -> list[Deed]:
    """One every two seconds; the other kinds of events stay what they are without them."""
    rng = random.Random(seed + 5)  # noqa: S311 a schedule is no secret
    number = int(seconds / GAP_SECONDS)
    return [
        Deed((each - rng.random()) * GAP_SECONDS, kind, rng.uniform(0.3, 3), rng.getrandbits(32))
        for each, kind in enumerate(rng.choices(list(DEEDS), list(DEEDS.values()), k=number), 1)
    ]


class Surroundings:
    """Agents, go-between and jobs of one run."""

    def __init__(self, place: Place, queues: Queues, halts: Halts, seed: int, *, alone: bool) -> None:
        self.counts: Counter[str] = Counter()
        self.figures: Counter[str] = Counter()
        self._place = place
        self.alone = alone
        self._queues = queues
        self._book = Book()
        self._jobs = TrackedJobs(place, halts, seed, 4 if alone else 1)
        self._between = GoBetween(place.amqp_url, queues, seed, self._book)
        self._sql = SqlAgent(place, seed, self._book)
        self._kit = [
            KitAgent(place, f"agent-{number}", queues.work, queues.answers, seed) for number in range(1, AGENTS + 1)
        ]
        self._jobs.prepare(queues.launches, queues.replies)
        place.rows(AUDIT)

    def start(self) -> None:
        """Start everybody."""
        self._between.start()
        self._sql.start()

    def close(self) -> None:
        """End everybody."""
        for agent in self._kit:
            agent.close()
        for thread in (self._between, self._sql):
            if thread.is_alive():
                thread.close()

    def tend(self, now: float, *, more: bool) -> None:
        """Dead agents come back, jobs never run out while there is more to come, and what is due is done."""
        for agent in self._kit:
            agent.start()
        self._jobs.tend(now)
        if more:
            self._jobs.refill()

    def happen(self, deed: Deed, now: float) -> Callable[[], None] | None:
        """Let it happen; the returned function undoes it."""
        agent = self._kit[deed.seed % AGENTS]
        if deed.kind == "useless answers":
            self._between.litter()
        elif deed.kind == "agent kill -9":
            agent.send(signal.SIGKILL)
        elif deed.kind == "agent SIGTERM":
            agent.send(signal.SIGTERM)
        elif deed.kind == "agent SIGSTOP":
            agent.send(signal.SIGSTOP)
            self.counts[deed.kind] += 1
            return lambda: agent.send(signal.SIGCONT)
        else:
            self._jobs.disturb(deed.kind, deed.seed, deed.seconds, now)
        self.counts[deed.kind] += 1
        return None

    def lift(self) -> None:
        """Everybody works, and nothing is held back any more."""
        self._jobs.lift()
        for agent in self._kit:
            agent.send(signal.SIGCONT)

    def settle(self, tell: Callable[[str], None]) -> list[str]:
        """Wait until every answer has reached the engine, the late ones as well."""
        until = time.monotonic() + SETTLE_SECONDS
        calm = 0
        while time.monotonic() < until:
            for agent in self._kit:
                agent.start()
            left = self._left()
            # What a daemon has taken and not acknowledged is in no queue.
            calm = calm + 1 if not left and self._between.idle and self._sql.idle else 0
            if calm == CALM:
                self.close()
                return []
            tell(f"every job is done; {left} messages and answers are on their way")
            time.sleep(0.3)
        return [f"{self._left()} messages or answers were still on their way after {SETTLE_SECONDS:g} s"]

    def judge(self, certificate: Certificate) -> None:
        """Judge when everybody has ended."""
        self.figures = judge(self._place, self._book, self._jobs.expected(), certificate)
        self.figures |= self._book.fates

    def _left(self) -> int:
        """Messages in the queues, those that are being worked on included."""
        with contextlib.closing(pika.BlockingConnection(pika.URLParameters(self._place.amqp_url))) as connection:
            channel = connection.channel()
            return sum(channel.queue_declare(queue, passive=True).method.message_count for queue in self._queues.all())


@contextlib.contextmanager
def surroundings_of(place: Place, halts: Halts, seed: int, queue_type: str, *, alone: bool) -> Iterator[Surroundings]:
    """Everybody; `alone`: there are no other jobs."""
    queues = Queues(*(f"{place.queue}-{name}" for name in ("launches", "work", "answers", "replies")))
    with contextlib.ExitStack() as stack:
        stack.enter_context(queues_of(place.services, queue_type, *queues.all()))
        made = Surroundings(place, queues, halts, seed, alone=alone)
        stack.callback(made.close)
        made.start()
        yield made
