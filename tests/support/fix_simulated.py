"""A game of jobs, people and two daemons without processes, by a clock that goes on to the next moment of interest.

The daemons make the calls that pgjobs.engine makes, in its order; what they may do, and when, the database decides.
They look when they are notified, when a run has ended, and when next_wakeup() said; nothing looks by itself.
"""

import heapq
import itertools
import json
import re
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from fix_jobs import Db
from model_pace import NEVER, SECOND, Course, Limit, Order, Queue, State
from model_windows import DAYS, Window

WINDOW = 4
"""Records that a window holds."""
PLACES = 8
LEASE = timedelta(seconds=30)
LOOKED = 0.5
"""Seconds between two looks while something is due that cannot be taken."""
MOST_STEPS = 400
"""So many steps may be made at one moment; more of them would never end."""
MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")

TYPE = """
create function public.simulated_records(_job bigint, _shard integer, _after bigint, _end bigint)
returns text language sql stable as $$ select 'nobody reads them' $$;
insert into xmp_job_types (name, selector, routing_key) values ('simulated', 'public.simulated_records', 'simulated');
"""
EMPTY = """
update pgjobs.shards set owner = null, lease_until = null;
update xmp_jobs set status = 'canceled' where status = 'in progress';
delete from xmp_jobs; delete from pgjobs.events; delete from pgjobs.daemons; delete from pgjobs.holds;
delete from pgjobs.paces; update pgjobs.switch set held = false;
update xmp_job_types set rate = null, max_backlog = null, schedule = '{}', budget = '{}' where name = 'simulated';
"""
CLAIM = "select job_id, shard, epoch, prepared from pgjobs.claim_shards(%s, %s, true, %s, %s, 'connected')"
OPEN = """
select verdict, pause, reason, paced, after_key, end_key
from pgjobs.open_shard(%s, %s, %s, %s, 'here', %s, 0, %s, %s, %s, null, %s, %s::bigint[])
"""
RENEW_ALL = "select job_id || '/' || shard, verdict, pause, reason, paced from pgjobs.renew_leases(%s, %s, %s)"
RENEW = "select verdict, pause, reason, paced from pgjobs.renew_lease(%s, %s, %s, %s, %s)"
GRANT = "select * from pgjobs.grant_records(%s, %s, %s, %s, %s, %s)"
CHECKPOINT = """
select * from pgjobs.{}(%s, %s, %s, _lease => %s, _after_key => %s, _in_flight_to => %s, _sent => %s, _skipped => %s,
  _returned => 0, _outcomes => %s, _log_bytes => 0, _chain => '', _checks => '')
"""
ELAPSE = """
update pgjobs.shards set claimed_at = claimed_at - %(by)s, updated_at = updated_at - %(by)s,
  lease_until = lease_until - case when owner = any (%(silent)s) then %(by)s else '0' end,
  lease_check_at = lease_check_at - case when owner = any (%(silent)s) then %(by)s else '0' end
where finished_at is null
"""
SILENT = "update pgjobs.daemons set seen_at = seen_at - %s where id = any (%s)"
WHY = """
select j.id, pgjobs.why(j.id)
from xmp_jobs j
where j.id = any (%s) and not exists (
  select from pgjobs.shards p where p.job_id = j.id and p.owner is not null and p.lease_until > clock_timestamp())
"""


def written(windows: tuple[Window, ...]) -> list[dict[str, Any]]:
    """The windows as a schedule has them."""
    return [
        {"start": f"{one.start:%H:%M}", "stop": f"{one.stop:%H:%M}", "zone": one.zone}
        | ({} if one.days == DAYS else {"days": list(one.days)})
        for one in windows
    ]


def schedule_of(order: Order) -> str:
    """The schedule that an order asks for."""
    schedule: dict[str, Any] = {"window": written(order.windows)} if order.windows else {}
    if order.stop_after is not None:
        schedule["stop_after"] = f"{order.stop_after.total_seconds()} s"
    return json.dumps(schedule)


@dataclass
class Run:
    """A shard in the hands of a daemon."""

    key: tuple[int, int, int]
    paced: bool
    at: int
    end: int
    next_at: datetime
    granted: int = 0
    valid_until: datetime | None = None
    asks_depth: bool = False
    closing: bool = False

    @property
    def name(self) -> str:
        return f"{self.key[0]}/{self.key[1]}"


@dataclass
class Daemon:
    """One that is alive, with the shards that it runs, and when its timer rings."""

    id: UUID
    alive: bool = True
    woken: bool = True
    poked: bool = False
    wakes_at: datetime = NEVER
    runs: dict[str, Run] = field(default_factory=dict)


class Game:
    """Everything that happens, by two clocks: `now` goes on steadily, the one on the wall may be set back."""

    def __init__(
        self, db: Db, start: datetime, *, type_rate: float | None = None, consumed: float = 1.0, canary: float = 60.0
    ) -> None:
        self.db, self.now, self.set_back = db, start, timedelta(0)
        self.start, self.type_rate, self.canary = start, type_rate, timedelta(seconds=canary)
        self.courses: dict[int, Course] = {}
        self.shared, self.queue = Limit(start, type_rate), Queue(start, consumed)
        self.daemons = [Daemon(UUID(int=number)) for number in (1, 2)]
        self.plans: dict[int, list[tuple[Any, ...]]] = {}
        self._agenda: list[tuple[datetime, int, Callable[[], None]]] = []
        self._numbers = itertools.count()
        self._heard: list[str] = []
        self._beat_at = 0.0
        db.execute("select set_config('pgjobs.now', '', false)")
        db.execute(EMPTY)
        self._set_clock()
        db.execute("update xmp_job_types set rate = %s where name = 'simulated'", (type_rate,))
        db._notify_handlers.clear()
        db.add_notify_handler(lambda notification: self._heard.append(notification.payload))
        db.execute("listen pgjobs")

    # What people do

    def add(self, order: Order, run_at: datetime | None = None) -> int:
        """The id of a new job."""
        budget = {} if order.canary is None else {"canary": {"first": order.canary}}
        job = self.db.value(
            "insert into xmp_jobs (type, run_at, shards, rate, schedule, budget, stop_at, max_backlog)"
            " values ('simulated', %s, %s, %s, %s, %s, %s, %s) returning id",
            run_at or self.shown, order.shards, order.rate, schedule_of(order), json.dumps(budget), order.stop_at,
            order.max_backlog,
        )  # fmt: skip
        at = self.now if run_at is None else self.now + (run_at - self.shown)
        state = State(
            at, set_back=self.set_back, daemons=self.alive, rate=order.rate, type_rate=self.type_rate,
            windows=order.windows, stop=order.stop_at,
        )  # fmt: skip
        self.courses[job] = Course(order, state, self.shared, self.queue)
        for course in self.courses.values():
            course.contenders = len(self.courses)
        return int(job)

    def later(self, after: timedelta, action: Callable[[], None]) -> None:
        """Somebody does something then."""
        heapq.heappush(self._agenda, (self.now + after, next(self._numbers), action))

    def change(self, job: int, column: str, value: object, **changes: object) -> None:
        """Somebody changes a column of a job that has not ended."""
        if self.courses[job].ended is None:
            self.db.execute(f"update xmp_jobs set {column} = %s where id = %s".encode(), (value, job))  # noqa: S608
            self.courses[job].become(self.now, **changes)

    def set_stop(self, job: int, stop: datetime) -> None:
        """Somebody sets another stop_at."""
        self.change(job, "stop_at", stop, stop=self.courses[job].stop(stop))

    def start_job(self, job: int) -> None:
        """Somebody starts a job that waits."""
        self.db.execute("select pgjobs.start_job(%s)", (job,))
        self.courses[job].become(self.now, active=True)

    def looked_at(self, job: int) -> bool:
        """Whether a resume lets its canary go: it does where that is what holds the job."""
        course = self.courses[job]
        return course.now.looked_at or course.held_for_a_look

    def set_type_rate(self, rate: float | None) -> None:
        """Somebody changes the rate of the type."""
        self.db.execute("update xmp_job_types set rate = %s where name = 'simulated'", (rate,))
        self.shared.change(self.now, rate)
        self.all_become(type_rate=rate)

    def hold_all(self) -> None:
        """The kill switch."""
        self.db.execute("select pgjobs.hold_all('somebody asks')")
        self.all_become(held=True)

    def release_all(self) -> None:
        """Everything goes on."""
        self.db.execute("select pgjobs.release_all()")
        self.all_become(held=False)

    def put_back(self, by: timedelta) -> None:
        """The clock on the wall is set back."""
        self.set_back += by
        self._set_clock()
        self.all_become(set_back=self.set_back)

    def crash(self, number: int) -> None:
        """A daemon vanishes with all that it runs."""
        self.daemons[number].alive = False
        self.daemons[number].runs.clear()
        self.all_become(daemons=self.alive)

    def revive(self, number: int) -> None:
        """It is there again, and knows nothing."""
        self.daemons[number] = Daemon(self.daemons[number].id)
        self._beat_at = 0.0
        self.all_become(daemons=self.alive)

    @property
    def alive(self) -> int:
        """How many daemons there are."""
        return sum(daemon.alive for daemon in self.daemons)

    def all_become(self, **changes: object) -> None:
        for course in self.courses.values():
            course.become(self.now, **changes)

    # The clock

    @property
    def shown(self) -> datetime:
        """What the clock on the wall shows."""
        return self.now - self.set_back

    def play(self, most: timedelta) -> None:
        """Go on until every job has ended; it takes no longer than this."""
        while any(course.ended is None for course in self.courses.values()):
            self._settle()
            coming = [at for at in self._moments() if at > self.now]
            if all(course.ended is not None for course in self.courses.values()):
                break
            assert coming, "nothing will ever happen any more"
            assert min(coming) <= self.start + most, f"it has not ended: {self._report()}"
            self._move(min(coming))

    def _moments(self) -> Iterator[datetime]:
        yield from (at for at, _, _ in self._agenda)
        for daemon in self.daemons:
            if daemon.alive:
                yield from (run.next_at for run in daemon.runs.values())
                yield daemon.wakes_at

    def _set_clock(self) -> None:
        self.db.execute("select set_config('pgjobs.now', %s, false)", (self.shown.isoformat(),))

    def _move(self, to: datetime) -> None:
        """Let time go by; before, ask why nothing moves."""
        by = to - self.now
        if by > 2 * SECOND:
            self._ask_why()
        silent = [daemon.id for daemon in self.daemons if not daemon.alive]
        self.db.execute(ELAPSE, {"by": by, "silent": silent})
        if silent:
            self.db.execute(SILENT, (by, silent))
        self.now = to
        self._set_clock()
        if time.monotonic() - self._beat_at > 5:
            self._beat()

    def _beat(self) -> None:
        self._beat_at = time.monotonic()
        for daemon in self.daemons:
            if daemon.alive:
                self.db.execute(
                    "select pgjobs.beat(%s, %s, 'here', 1, '0', 'connected', '[]')", (daemon.id, str(daemon.id))
                )
                self._renew(daemon)

    def _ask_why(self) -> None:
        """A job that nobody holds says why it does not move; what it says about the moment is remembered."""
        waiting = [job for job, course in self.courses.items() if course.ended is None]
        for job, why in self.db.execute(WHY, (waiting,)).fetchall():
            assert why, f"job {job} does not move and does not say why: {self._report()}"
            found = MOMENT.findall(why)
            if found and "fallen silent" not in why:
                self.courses[job].said = datetime.fromisoformat(found[-1]).replace(tzinfo=UTC), why

    def _report(self) -> list[tuple[Any, ...]]:
        return self.db.execute(
            "select j.id, j.status::text, j.active, p.shard, p.owner is not null, p.due_at::text, p.note, p.after_key,"
            " p.end_key, pgjobs.why(j.id) from xmp_jobs j join pgjobs.shards p on p.job_id = j.id"
        ).fetchall()

    # What the daemons do

    def _settle(self) -> None:
        """All that happens at this moment."""
        for _ in range(MOST_STEPS):
            if not self._step():
                return
            self._hear()
        raise AssertionError(f"it never ends: {self._report()}")

    def _step(self) -> bool:
        if self._agenda and self._agenda[0][0] <= self.now:
            heapq.heappop(self._agenda)[2]()
            return True
        for daemon in self.daemons:
            if not daemon.alive:
                continue
            if daemon.poked:
                daemon.poked = False
                self._renew(daemon)
                return True
            if daemon.woken or daemon.wakes_at <= self.now:
                self._look(daemon)
                return True
            for run in list(daemon.runs.values()):
                if run.next_at <= self.now:
                    self._advance(daemon, run)
                    return True
        return False

    def _hear(self, claiming: Daemon | None = None) -> None:
        """Pass on what was notified, as Daemon._on_hint does; a daemon knows what its own claim has done."""
        for payload in self._heard:
            hint = json.loads(payload)
            status = hint.get("status")
            for daemon in self.daemons:
                daemon.woken |= daemon is not claiming and status not in ("done", "canceled", "error")
                daemon.poked |= status not in ("in progress", "done") or "edited" in hint
        self._heard.clear()

    def _renew(self, daemon: Daemon) -> None:
        answers = {
            name: orders
            for name, *orders in self.db.execute(RENEW_ALL, (daemon.id, list(daemon.runs), LEASE)).fetchall()
        }
        for name, run in list(daemon.runs.items()):
            self._obey(daemon, run, answers[name])

    def _look(self, daemon: Daemon) -> None:
        """Claim what is due, then find out when to look again; where nothing is due a claim would find nothing."""
        if not daemon.woken and (due := self._next_wakeup()) > 0:
            daemon.wakes_at = self.now + timedelta(seconds=due)
            return
        daemon.woken = False
        if self._beat_at == 0.0:
            self._beat()
        taken = self.db.execute(CLAIM, (daemon.id, list(daemon.runs), LEASE, PLACES - len(daemon.runs))).fetchall()
        self._hear(daemon)
        for job, shard, epoch, prepared in taken:
            self._open(daemon, (job, shard, epoch), prepared=prepared)
        daemon.wakes_at = self.now + timedelta(seconds=self._next_wakeup() or LOOKED)

    def _next_wakeup(self) -> float:
        return float(self.db.value("select pgjobs.next_wakeup(true)"))

    def _open(self, daemon: Daemon, key: tuple[int, int, int], *, prepared: bool) -> None:
        course = self.courses[key[0]]
        if not prepared:
            course.start(self.now)
        n, shards = course.order.records, course.order.shards
        cuts = [n * part // shards for part in range(1, shards)]
        found = (None, None, None, None, None) if prepared else (0, 1, n, n, cuts)
        *orders, after, end = self.db.row(OPEN, *key, LEASE, f"/log-{key[0]}-{key[1]}", *found)
        run = Run(key, paced=False, at=after, end=end, next_at=self.now)
        daemon.runs[run.name] = run
        if not prepared:
            rows = self.db.execute("select begins, ends, records from pgjobs.plan(%s)", (key[0],)).fetchall()
            self.plans[key[0]] = rows
        self._obey(daemon, run, orders)

    def _obey(self, daemon: Daemon, run: Run, orders: list[Any]) -> bool:
        """Do as the database says; False: the run is over."""
        verdict, pause, reason, run.paced = orders
        if verdict == "go":
            return True
        if verdict == "stop":
            self.db.execute("select pgjobs.release_shard(%s, %s, %s, true, false)", run.key)
        else:
            parked = (*run.key, pause or timedelta(0), reason or "it has to wait")
            assert self.db.value("select pgjobs.park_shard(%s, %s, %s, true, %s, %s)", *parked)
        self._leave(daemon, run)
        return False

    @staticmethod
    def _leave(daemon: Daemon, run: Run) -> None:
        del daemon.runs[run.name]
        daemon.woken = True

    def _advance(self, daemon: Daemon, run: Run) -> None:
        """The next step of a run: ask, publish what was granted, or close."""
        left = min(WINDOW, run.end - run.at)
        if run.granted:
            granted, run.granted = run.granted, 0
            if run.valid_until is None or self.now < run.valid_until:
                self._publish(daemon, run, min(left, granted))
        elif left == 0:
            self._finish(daemon, run)
        elif not run.paced:
            self._publish(daemon, run, left)
        elif run.closing:
            self.courses[run.key[0]].close(self.now, left)
            self._account(daemon, run, 0, left)
        else:
            self._ask(daemon, run, left)

    def _ask(self, daemon: Daemon, run: Run, left: int) -> None:
        job = run.key[0]
        seen = self.db.value("select pgjobs.published_so_far(%s)", job) if run.asks_depth else None
        depth = self.queue.depth(self.now) if run.asks_depth else None
        verdict, pause, reason, at_most, delay, valid, queue = self.db.row(GRANT, *run.key, left, depth, seen)
        run.asks_depth = queue is not None
        if verdict == "close":
            run.closing = True
        elif verdict == "go":
            assert delay is None or delay <= SECOND
            run.granted = at_most
            run.valid_until = None if valid is None else self.now + valid
            run.next_at = self.now + (delay or timedelta(0))
        else:
            if reason and "budget.canary" in reason:
                self._held_for_a_look(job)
            self._obey(daemon, run, [verdict, pause, reason, run.paced])

    def _held_for_a_look(self, job: int) -> None:
        course = self.courses[job]
        if not course.held_for_a_look:
            course.held_for_a_look = True
            course.become(self.now, active=False)
            self.later(self.canary, lambda: self.change(job, "active", True, active=True, looked_at=True))

    def _publish(self, daemon: Daemon, run: Run, n: int) -> None:
        """Announce, publish, confirm, checkpoint."""
        if self._obey(daemon, run, list(self.db.row(RENEW, *run.key, LEASE, run.at + n))):
            self.courses[run.key[0]].publish(self.now, n, WINDOW)
            self._account(daemon, run, n, 0)

    def _account(self, daemon: Daemon, run: Run, sent: int, skipped: int) -> None:
        run.at += sent + skipped
        outcomes = [["sent", "", sent]] if sent else [["skip", "timed_out", skipped]]
        last = run.at == run.end
        call = CHECKPOINT.format("checkpoint_and_finish" if last else "checkpoint_job")
        *orders, answer = (
            *self.db.row(call, *run.key, LEASE, run.at, run.at, sent, skipped, json.dumps(outcomes)), None,
        )[:5]  # fmt: skip
        if answer is not None:
            self._ended(daemon, run, answer)
        else:
            self._obey(daemon, run, orders)

    def _finish(self, daemon: Daemon, run: Run) -> None:
        self._ended(daemon, run, self.db.value("select pgjobs.finish_shard(%s, %s, %s)", *run.key))

    def _ended(self, daemon: Daemon, run: Run, answer: str) -> None:
        assert answer in ("finished", "done")
        self._leave(daemon, run)
        if answer == "done":
            self._end(run.key[0])

    def _end(self, job: int) -> None:
        course = self.courses[job]
        others = sum(other.order.records for other in self.courses.values() if other is not course)
        course.end(self.now, others if self.type_rate is not None else 0)
        sent, skipped = self.db.row(
            "select sum(sent)::bigint, sum(skipped)::bigint from pgjobs.shards where job_id = %s", job
        )
        assert (sent, skipped) == (course.published, course.timed_out)
