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
    retry_at: int | None = None
    failures: int = 0
    note: str | None = None
    uncertain_to: int | None = None
    ranges: int = 0
    sent: int = 0
    skipped: int = 0
    returned: int = 0
    checkpoints: int = 0
    finished: bool = False

    def held(self, now: int) -> bool:
        """Whether somebody's lease on it lives."""
        return self.owner is not None and self.lease_until > now

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
    asked: bool = False
    told: int = 0
    has_lines: bool = False
    events: list[tuple[str | None, str]] = dataclasses.field(default_factory=list)
    progress: list[Shard] = dataclasses.field(default_factory=list)

    def finished(self) -> bool:
        """Whether nothing of it is left to do."""
        return all(shard.finished for shard in self.progress)

    def first_open(self) -> int | None:
        """The shard that is taken when it begins or goes on; None when nothing is left."""
        return next((number for number, shard in enumerate(self.progress or [Shard()]) if not shard.finished), None)

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
            self.progress = self.progress or [Shard()]
            for shard in self.progress:
                shard.note, shard.retry_at, shard.failures = None, None, 0

    def cut(self) -> None:
        """When its first shard is prepared, the keys are cut into ranges of the same size, a shard each."""
        keys, (first,) = sorted(KEYS), self.progress
        ends = [len(keys) * number // self.shards for number in range(1, self.shards + 1)]
        first.keys, first.start = keys[: ends[0]], 0 if self.needs_file else None
        self.progress += [Shard(keys=keys[begin:end], start=keys[begin - 1]) for begin, end in itertools.pairwise(ends)]

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
        self.jobs: dict[int, Job] = {}
        self.heard: dict[UUID, int] = {}

    def shards(self) -> Iterator[tuple[Job, int, Shard]]:
        """Every shard of every job that has begun."""
        for job in self.jobs.values():
            for number, shard in enumerate(job.progress):
                yield job, number, shard

    def verb(self, job: Job, verb: str) -> bool:
        """Start, stop or resume; False when it is refused."""
        if job.status not in VERBS[verb]:
            return False
        if verb == "stop":
            job.become("canceled")
            return True
        if verb == "resume":
            job.become("ready")
        job.active, job.asked, job.run_at = True, True, min(job.run_at, self.now) if verb == "resume" else self.now
        return True

    def free_shards(self, worker: UUID, running: set[str]) -> set[tuple[int, int]]:
        """Shards of jobs in progress that this daemon may take: nobody else's, not paused, its fair share of a job."""
        alive = max(1, len(self.heard))
        free = set()
        for job, number, shard in self.shards():
            others = sum(s.owner == worker and s.held(self.now) for s in job.progress if s is not shard)
            if (
                job.status == "in progress"
                and not shard.finished
                and (shard.owner == worker or not shard.held(self.now))
                and (shard.retry_at is None or shard.retry_at <= self.now)
                and f"{job.id}/{number}" not in running
                and others * alive < len(job.progress)
            ):
                free.add((job.id, number))
        return free

    def due_jobs(self, worker: UUID, running: set[str], *, autostart: bool) -> list[Job]:
        """Ready jobs this daemon may begin, the one that waits longest first: due, wanted, and in nobody's hands."""
        due = [
            job
            for job in self.jobs.values()
            if (job.status, job.active) == ("ready", True)
            and (autostart or job.asked)
            and job.run_at <= self.now
            and not any(shard.held(self.now) and shard.owner != worker for shard in job.progress)
            and not any(name.startswith(f"{job.id}/") for name in running)
        ]
        return sorted(due, key=lambda job: (job.run_at, job.id))

    def next_wakeup(self, *, autostart: bool) -> int:
        """Seconds until something falls due by itself: a run_at, the end of a lease, a pause; an hour at most."""
        times = [self.now + 3600]
        times += [
            job.run_at
            for job in self.jobs.values()
            if job.status == "ready" and job.active and (autostart or job.asked)
        ]
        for job, _, shard in self.shards():
            if job.status == "in progress" and not shard.finished:
                times += [shard.lease_until] if shard.owner else []
                times += [shard.retry_at] if shard.retry_at is not None and not shard.owner else []
        return max(0, min(times) - self.now)

    def moves(self, job: Job) -> bool | None:
        """Whether a job moves, so that there is nothing to say of it; None: it does, and some shard of it does not."""
        open_shards = [shard for shard in job.progress if not shard.finished]
        going = [shard.held(self.now) and shard.note is None and shard.owner in self.heard for shard in open_shards]
        if job.status != "in progress" or not any(going):
            return False
        return True if all(going) else None
