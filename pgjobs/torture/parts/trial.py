"""A trial: daemons at work on one place, what is measured of them, and the verdict at the end."""

from __future__ import annotations

import contextlib
import itertools
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

from psycopg.types.json import Jsonb

from pgjobs.lab.draining import drain
from pgjobs.lab.services import Services
from pgjobs.torture.fleet import Daemon, fleet_of
from pgjobs.torture.jobs import Jobs
from pgjobs.torture.oracle import Certificate, judge
from pgjobs.torture.place import Place, Scale, prepared

Tell = Callable[[str], None]
TAKE_SECONDS = 0.2
CONSIDERED = "select coalesce(sum(considered), 0)::bigint from pgjobs.shards"
UNDONE = "select count(*) from public.xmp_jobs where status <> 'done'"
WHY = "select j.id, j.status::text, pgjobs.why(j.id) from public.xmp_jobs j where j.status <> 'done'"
ADD = "insert into public.xmp_jobs (type, params, shards) values ('expired', %s, %s) returning id"


@dataclass
class Result:
    """What a part showed: figures to print, and every finding."""

    slack: ClassVar[float] = 1.0
    """So many times as long everything may take: a machine that others use as well is slower than what is promised."""
    part: str
    what: str
    times: int
    seconds: float = 0.0
    figures: dict[str, Any] = field(default_factory=dict)
    findings: list[str] = field(default_factory=list)
    certificate: Certificate | None = None

    @property
    def good(self) -> bool:
        """Whether every number was kept."""
        return not self.findings and not (self.certificate and self.certificate.violations)

    def worst(self, name: str, value: float, limit: float, unit: str = "s") -> None:
        """Keep the largest of a measured value, and find fault with one above its limit."""
        self.figures[name] = round(max(self.figures.get(name, 0.0), value), 2)
        if value > limit * (self.slack if unit in ("s", "%") else 1):
            self.findings.append(f"{name}: {value:.1f} {unit}, and {limit:g} {unit} at most was promised")


class Late(Exception):
    """Something did not come in time."""


@dataclass
class Trial:
    """Daemons on a place."""

    place: Place
    fleet: list[Daemon]
    result: Result
    tell: Tell
    taken: list[tuple[str, Mapping[str, Any]]] = field(default_factory=list, repr=False)

    def add(self, shards: int | None = None, **params: object) -> int:
        """A job over everything there is."""
        return int(self.place.value(ADD, Jsonb(params), shards))

    def busy(self, jobs: int = 1) -> None:
        """Have so many unfinished jobs at least."""
        while self.place.value(UNDONE) < jobs:
            self.add()

    def considered(self) -> int:
        """Records checkpointed so far."""
        return int(self.place.value(CONSIDERED))

    def wait(self, condition: Callable[[], bool], what: str, seconds: float) -> float:
        """Wait for something; how long it took."""
        began = time.monotonic()
        while not condition():
            if time.monotonic() - began > seconds:
                raise Late(f"{what}: not within {seconds:g} s; {self.place.rows(WHY)}")
            time.sleep(0.01)
        return time.monotonic() - began

    def moves(self, seconds: float, windows: int = 1) -> float:
        """Wait until records move on; how long it took. Work never runs out."""
        before = self.considered()
        more = windows * self.place.scale.window

        def moved() -> bool:
            self.busy()
            return self.considered() >= before + more

        return self.wait(moved, "records move on", seconds)

    @contextlib.contextmanager
    def taking(self) -> Iterator[None]:
        """Take messages meanwhile, as consumers do: a queue that only grows becomes slow, whatever is restarted."""
        ended = threading.Event()

        def take() -> None:
            while not ended.wait(TAKE_SECONDS):
                self.taken.extend(drain(self.place.amqp_url, self.place.queue))

        thread = threading.Thread(target=take)
        thread.start()
        try:
            yield
        finally:
            ended.set()
            thread.join()

    def finish(self, seconds: float = 180) -> None:
        """Wait until every job is done, end the daemons, take every message, judge."""
        self.wait(lambda: self.place.value(UNDONE) == 0, "every job is done", seconds)
        for daemon in self.fleet:
            if not daemon.end():
                self.result.findings.append(f"daemon {daemon.index} did not let go within 15 s of SIGTERM")
        self.tell("taking every message off the queue")
        messages = itertools.chain(self.taken, drain(self.place.amqp_url, self.place.queue))
        expected = Jobs(self.place, 0).expected()
        ranges = self.place.value("select count(*) from pgjobs.job_uncertain")
        window = self.place.scale.window
        found = judge(self.place.connection(), messages, expected, faults=ranges, window=window)
        self.result.certificate = found
        self.result.figures |= {"records": found.records, "lost": found.lost, "duplicated": found.duplicated}


@contextlib.contextmanager
def trial(
    result: Result,
    tell: Tell,
    *,
    scale: Scale,
    queue: str = "quorum",
    daemons: int = 1,
    proxied: int = 0,
    services: Services | None = None,
) -> Iterator[Trial]:
    """A place with daemons that are not started yet; a wait that takes too long becomes a finding."""
    began = time.monotonic()
    with prepared(queue, scale, services) as place, fleet_of(place, daemons, proxied) as fleet:
        run = Trial(place, fleet, result, tell)
        try:
            yield run
        except Late as late:
            said = "\n".join(f"--- daemon {daemon.index}\n{daemon.said[-2000:]}" for daemon in fleet)
            result.findings.append(f"{late}\n{said}")
        finally:
            result.seconds = round(time.monotonic() - began, 1)
