"""What may become of jobs and who may work on them, in plain Python from the contract alone: the oracle of T14.

Nothing is shared with the engine. Time is counted in seconds from an arbitrary beginning; a lease and the pause after
a trouble are as long as the test makes them.
"""

import dataclasses
import itertools
from collections.abc import Iterator
from uuid import UUID

LEGAL = {
    "ready": ("in progress", "canceled", "error"),
    "in progress": ("done", "canceled", "error", "ready"),
    "canceled": ("ready",),
    "error": ("ready",),
    "done": (),
}
ENDED = ("done", "canceled", "error")
VERBS = {"start": ("ready",), "stop": ("ready", "in progress"), "resume": ("canceled", "error")}
KEYS = frozenset(range(1, 10))
DUPLICATES = frozenset({8, 9})
LEASE = 300
PAUSES = (1, 2, 4, 8, 10)
TOO_LATE = 6 * 3600
"""Seconds after which a job that nobody asked for does not begin by itself any more."""


@dataclasses.dataclass
class Shard:
    """How far one shard is and who holds it; `at` and `in_flight` count keys behind `start`."""

    keys: list[int] | None = None
    start: int | None = None
    at: int = 0
    in_flight: int = 0
    epoch: int = 0
    owner: UUID | None = None
    lease_until: int = 0
    check_at: int = 0
    priority: int = 5
    due: int | None = None
    asked: bool = False
    aged: bool = False
    repaced: bool = False
    failures: int = 0
    note: str | None = None
    uncertain_to: int | None = None
    ranges: int = 0
    sent: int = 0
    skipped: int = 0
    returned: int = 0
    granted: int = 0
    checkpoints: int = 0
    finished: bool = False

    def held(self, now: int) -> bool:
        """Whether somebody's lease on it lives."""
        return self.owner is not None and self.lease_until > now

    @property
    def waits(self) -> bool:
        """Whether it is open and nobody's."""
        return not self.finished and self.owner is None

    def level(self, now: int) -> int:
        """Its priority with what it has gained by waiting: one for each minute, up to ten."""
        return min(10, self.priority + max(0, now - (now if self.due is None else self.due)) // 60)

    def let_go(self, *, clean: bool) -> None:
        """Nobody holds it any more; what was in flight stays in doubt unless all of it was accounted for."""
        self.owner = None
        if clean:
            self.in_flight = self.at


@dataclasses.dataclass
class Job:
    """A job with everything that has ever happened to it."""

    id: int
    status: str
    run_at: int
    shards: int
    active: bool
    dry_run: bool
    needs_file: bool
    priority: int
    canary: int | None
    clock: "Model" = dataclasses.field(repr=False)
    asked: bool = False
    started: bool = False
    scheduled_at: int = 0
    holds: dict[str, bool] = dataclasses.field(default_factory=dict)
    """By kind: whether the job is held because of it now; what once held it does not count again."""
    told: int = 0
    has_lines: bool = False
    events: list[tuple[str | None, str]] = dataclasses.field(default_factory=list)
    progress: list[Shard] = dataclasses.field(default_factory=list)

    def __post_init__(self) -> None:
        self.progress = [Shard()]
        self.scheduled_at = self.clock.now
        self.schedule()
        self.progress[0].due = self.due()

    def finished(self) -> bool:
        """Whether nothing of it is left to do."""
        return all(shard.finished for shard in self.progress)

    def due(self) -> int | None:
        """From when on the next one of its shards may be claimed; None: not now."""
        if not self.active:
            return None
        if self.status == "in progress":
            return self.clock.now
        return self.run_at if self.status == "ready" else None

    @property
    def held(self) -> bool:
        """Whether a rule of its own holds it, until it is active again."""
        return any(self.holds.values())

    def hold(self, kind: str) -> None:
        """A rule of its own makes it inactive."""
        self.holds[kind], self.active = True, False
        self.schedule()

    def activate(self, *, active: bool) -> None:
        """Somebody lets it go on, or holds it back; whoever lets it go on has looked at it."""
        if active and not self.active:
            self.holds = dict.fromkeys(self.holds, False)
        self.active = active

    def ask(self, shard: Shard, wanted: int) -> tuple[str, int]:
        """Orders, and how much one of its shards may publish: of a canary the first records of all shards together."""
        if self.orders() != "go":
            return self.orders(), 0
        shard.granted = wanted
        if self.canary is not None and self.holds.get("canary", True):
            published = sum(each.sent + each.returned for each in self.progress)
            others = sum(each.granted for each in self.progress if each is not shard and each.owner)
            shard.granted = min(wanted, max(0, self.canary - published - others))
            if published >= self.canary:
                self.hold("canary")
                return "wait", 0
        return "go", shard.granted

    def orders(self) -> str:
        """What its runs have to do next."""
        if self.status != "in progress":
            return "stop"
        return "go" if self.active and not self.clock.everything_held else "wait"

    def too_late(self) -> bool:
        """Whether it waits for a start, because nobody ran it at its time."""
        late = self.clock.now - max(self.run_at, self.scheduled_at)
        return not self.asked and not self.started and late > TOO_LATE

    def schedule(self) -> None:
        """Whatever changes whether and when it runs: the first shard that waits is due then, at the earliest now."""
        due = self.due()
        if due is None:
            for shard in self.progress:
                shard.due = None if shard.owner is None else shard.due
            return
        if self.status == "ready":
            self.scheduled_at = self.clock.now
        else:
            self.started = True
            for shard in self.progress:
                shard.note, shard.failures = None, 0
        due = max(due, self.clock.now)
        first = next((shard for shard in self.progress if shard.waits), self.progress[0] if self.finished() else None)
        for shard in self.progress:
            if not shard.finished or shard is first:
                shard.due = due if shard is first else None
                shard.repaced = shard.owner is not None
        self.tell()

    def tell(self) -> None:
        """Its shards have its priority, and whether somebody asked for its start."""
        for shard in self.progress:
            shard.priority, shard.asked = self.priority, self.asked or self.status == "in progress"

    def pass_turn(self) -> None:
        """One shard of those that wait is due; the next one if none is."""
        waiting = [shard for shard in self.progress if shard.waits]
        if not any(shard.due is not None and shard.due <= self.clock.now for shard in waiting):
            for shard in waiting:
                if shard.due is None:
                    shard.due = self.clock.now
                    return

    def park(self, shard: Shard, pause: int, *, failure: bool = False) -> None:
        """A shard is given up: due after the pause, without one behind the others of its job; what was changed while it
        was held is looked at without a pause."""
        due, now = self.due(), self.clock.now
        shard.due = None if due is None else max(now, due) + (0 if shard.repaced and not failure else pause)
        shard.repaced = False
        turn = any(
            other.waits and other.due is not None and other.due <= now for other in self.progress if other is not shard
        )
        if turn and not pause:
            shard.due = None

    def become(self, status: str) -> None:
        """One legal transition: noted once, told to the CMS where it ends the job."""
        assert status in LEGAL[self.status], (self.status, status)
        self.events.append((self.status, status))
        self.told += status in ENDED
        if self.status in ("canceled", "error"):
            self.asked = True
        self.status = status
        if status == "in progress":
            self.asked = False
        self.schedule()

    def cut(self) -> None:
        """When its first shard is prepared, the keys are cut into ranges of the same size, a shard each."""
        keys, (first,) = sorted(KEYS), self.progress
        ends = [len(keys) * number // self.shards for number in range(1, self.shards + 1)]
        first.keys, first.start = keys[: ends[0]], 0 if self.needs_file else None
        self.progress += [Shard(keys=keys[begin:end], start=keys[begin - 1]) for begin, end in itertools.pairwise(ends)]
        self.tell()
        self.pass_turn()

    def may_be_set(self, status: str) -> bool:
        """Whether an UPDATE to another status is legal; done only when everything is accounted for."""
        return status in LEGAL[self.status] and (status != "done" or self.finished())


@dataclasses.dataclass(eq=False)
class Task:
    """A shard in a daemon's hands, as far as this daemon knows."""

    daemon: int
    worker: UUID
    job: Job
    number: int
    epoch: int
    at: int
    announced: int
    stopping: bool = False
    over: bool = False

    @property
    def name(self) -> str:
        """How a claim names its shard."""
        return f"{self.job.id}/{self.number}"

    @property
    def key(self) -> tuple[int, int, int]:
        """What every call of it names."""
        return self.job.id, self.number, self.epoch

    @property
    def shard(self) -> Shard:
        """Where its shard really is."""
        return self.job.progress[self.number]

    @property
    def clean(self) -> bool:
        """Whether it has nothing in flight."""
        return self.announced <= self.at

    def held(self, now: int) -> bool:
        """Whether the shard is really its own."""
        return self.shard.epoch == self.epoch and self.shard.held(now)

    def key_at(self, at: int) -> int | None:
        """The key behind which so many are accounted for."""
        assert self.shard.keys is not None
        return self.shard.keys[at - 1] if at else self.shard.start


class Model:
    """All jobs, the clock, and the daemons that are heard of."""

    def __init__(self) -> None:
        self.now = 0
        self.everything_held = False
        self.jobs: dict[int, Job] = {}
        self.heard: dict[UUID, int] = {}
        self.places: dict[UUID, bool] = {}

    def shards(self) -> Iterator[tuple[Job, int, Shard]]:
        """Every shard of every job."""
        for job in self.jobs.values():
            for number, shard in enumerate(job.progress):
                yield job, number, shard

    def verb(self, job: Job, verb: str) -> bool:
        """Start, stop or resume; False when it is refused."""
        if verb == "resume" and not job.active and job.status in ("ready", "in progress"):
            job.activate(active=True)
            job.schedule()
            job.tell()
            return True
        if job.status not in VERBS[verb]:
            return False
        if verb == "stop":
            job.become("canceled")
            return True
        was = job.run_at, job.active, job.status
        job.activate(active=True)
        job.run_at = min(job.run_at, self.now) if verb == "resume" else self.now
        if verb == "resume":
            job.become("ready")
        job.asked = True
        if was != (job.run_at, job.active, job.status):
            job.schedule()
        job.tell()
        return True

    def beat(self, worker: UUID) -> None:
        """A daemon is heard of."""
        self.heard[worker] = self.now
        self.places.setdefault(worker, True)

    def leave(self, worker: UUID) -> None:
        """A daemon takes its heartbeat along."""
        self.heard.pop(worker, None)
        self.places.pop(worker, None)

    def free_lost(self, worker: UUID, running: set[str]) -> None:
        """Shards whose lease has run out, and those a daemon holds without knowing it, are due since a minute."""
        for job, number, shard in self.shards():
            known = shard.owner != worker or f"{job.id}/{number}" in running
            if shard.owner and known and (shard.check_at > self.now or shard.held(self.now)):
                shard.check_at = max(shard.check_at, shard.lease_until if shard.check_at < self.now else 0)
            elif shard.owner:
                shard.owner, shard.due = None, self.now - 60

    def end_exhausted(self) -> None:
        """Jobs that may run and have no open shard are done."""
        for job in self.jobs.values():
            first = job.progress[0]
            if first.finished and first.due is not None and first.due <= self.now:
                if job.status == "ready":
                    job.become("in progress")
                job.become("done")
                first.due = None

    def take(self, worker: UUID, running: set[str], *, autostart: bool) -> tuple[Job, int] | None:
        """The shard that a daemon is given: of those that are due by aged priority, then by the time since when; while
        the daemon holds one that has aged, its own priority goes before that."""
        self.free_lost(worker, running)
        self.end_exhausted()
        if self.everything_held:
            return None
        helpers = sum(self.places[each] for each in self.heard if each != worker)
        taken = None
        for level, job, number in self.due_shards(worker, autostart=autostart):
            mine = sum(shard.owner == worker for shard in job.progress)
            if f"{job.id}/{number}" in running:
                continue
            if job.status == "in progress":
                if mine * (1 + helpers) >= sum(not shard.finished for shard in job.progress):
                    continue
            elif job.status == "ready" and any(shard.owner for shard in job.progress):
                continue
            if self.begin(job):
                job.progress[number].aged = level > job.progress[number].priority
                taken = job, number
                break
        if worker in self.places:
            self.places[worker] = taken is None
        return taken

    def begin(self, job: Job) -> bool:
        """Whether a job that is claimed is in progress, or begins; one that is not due, or too late, does not."""
        at = job.due()
        if at is None or at > self.now:
            job.schedule()
        elif job.status == "ready" and job.too_late():
            job.hold("misfire")
        else:
            if job.status == "ready":
                job.become("in progress")
            return True
        return False

    def due_shards(self, worker: UUID, *, autostart: bool) -> list[tuple[int, Job, int]]:
        """Shards that may be claimed now, in their order, with the levels that they have by now."""
        aged = any(shard.owner == worker and shard.aged for _, _, shard in self.shards())
        due = [
            (-shard.level(self.now), -shard.priority if aged else 0, shard.due, -shard.priority, job.id, number)
            for job, number, shard in self.shards()
            if shard.waits and shard.due is not None and shard.due <= self.now and (autostart or shard.asked)
        ]
        return [(-level, self.jobs[job_id], number) for level, *_, job_id, number in sorted(due)]

    def next_wakeup(self, *, autostart: bool) -> int:
        """Seconds until something falls due by itself: a run_at, the look at a lease, a pause; an hour at most."""
        if self.everything_held:
            return 3600
        times = [self.now + 3600]
        for _, _, shard in self.shards():
            if shard.owner:
                times.append(shard.check_at)
            elif shard.due is not None and (shard.finished or autostart or shard.asked):
                times.append(shard.due)
        return max(0, min(times) - self.now)

    def moves(self, job: Job) -> bool | None:
        """Whether a job moves, so that there is nothing to say of it; None: it does, and some shard of it does not."""
        open_shards = [shard for shard in job.progress if not shard.finished]
        going = [shard.held(self.now) and shard.note is None and shard.owner in self.heard for shard in open_shards]
        if job.status != "in progress" or not any(going):
            return False
        return True if all(going) else None
