"""T14: whatever people and daemons do to jobs, in whatever order, SQL and HTTP do what the contract's model says.

Hypothesis plays people at both doors and two daemons that claim, checkpoint, fall silent, wake up too late and die;
there is no process. tests/models/model_states.py knows what each step may change. PGJOBS_TEST_LONG=1 (with pytest's
`-o faulthandler_timeout=0`) plays 5,000 new games, not the same 200.
"""

import os
import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

import hypothesis
import pytest
from fix_jobs import PREPARE, Db, insert_job, read_lines
from fix_web import Web
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    MultipleResults,
    RuleBasedStateMachine,
    consumes,
    initialize,
    invariant,
    multiple,
    precondition,
    rule,
    run_state_machine_as_test,
)
from hypothesis.strategies._internal.featureflags import FeatureFlags
from model_states import DUPLICATES, ENDED, KEYS, LEASE, LEGAL, PAUSES, VERBS, Job, Model, Task
from psycopg.types.json import Jsonb

from pgjobs.settings import read_settings

_PHASE = hypothesis.Phase
LONG = bool(os.environ.get("PGJOBS_TEST_LONG"))
RUN = settings(
    max_examples=5000 if LONG else 200,
    derandomize=not LONG,
    stateful_step_count=50,
    deadline=None,
    print_blob=True,
    phases=(_PHASE.explicit, _PHASE.reuse, _PHASE.generate, _PHASE.shrink),
    suppress_health_check=[HealthCheck.too_slow],
)
START = datetime(2030, 1, 1, tzinfo=UTC)
MSISDNS = {key: f"92300000000{key % 7}" for key in KEYS}
EMPTY = """
  update xmp_jobs set status = 'canceled' where status = 'in progress';
  update pgjobs.shards set owner = null, lease_until = null;
  delete from xmp_jobs; delete from pgjobs.events; delete from pgjobs.daemons;
  select pgjobs.release_all();
"""
ELAPSE = """
  with leases as (update pgjobs.shards set lease_until = lease_until - %(by)s,
    lease_check_at = lease_check_at - %(by)s)
  update pgjobs.daemons set seen_at = seen_at - %(by)s
"""
PAUSE = """
  update pgjobs.shards p set due_at = x.due + 90 * (p.due_at - x.due)
  from pgjobs.shards was,
    lateral (
      select case j.status when 'ready' then greatest(pgjobs.now(), j.run_at) else pgjobs.now() end
      from xmp_jobs j where j.id = was.job_id) x (due)
  where (p.job_id, p.shard) = (%s, %s) and (was.job_id, was.shard) = (p.job_id, p.shard)
  returning extract(epoch from was.due_at - x.due)
"""
CLAIM = """
  select job_id, shard, epoch, dry_run, needs_file, prepared, uncertain_to from pgjobs.claim_shards(%s, %s, %s, %s)
"""
CHECKPOINT = "select (select verdict from pgjobs.checkpoint_job(%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s))"
LOOK = """
  select jsonb_build_object(
    'jobs', (select jsonb_object_agg(j.id, to_jsonb(j)) from xmp_jobs j),
    'shards', (select jsonb_object_agg(p.job_id || '/' || p.shard, to_jsonb(p)) from pgjobs.shards p),
    'held', (select jsonb_agg(p.job_id || '/' || p.shard) from pgjobs.shards p where p.lease_until > clock_timestamp()),
    'accounted', (select jsonb_object_agg(o.name, o.n) from (
      select x.job_id || '/' || x.shard as name, sum(x.n) as n from pgjobs.outcomes x group by 1) o),
    'checkpoints', (select jsonb_agg(job_id || '/' || shard || ':' || last_key order by job_id, shard, number) from pgjobs.checkpoints),
    'ranges', (select jsonb_agg(u.job_id || '/' || u.shard) from pgjobs.uncertain_ranges u),
    'events', (select jsonb_agg(jsonb_build_array(e.job_id, e.from_status, e.to_status) order by e.id) from pgjobs.events e where e.to_status is not null),
    'holds', (select jsonb_agg(h.job_id || ' ' || h.kind) from pgjobs.holds h where h.released_at is null),
    'told', (select jsonb_agg(n.job_id) from pgjobs.callbacks n),
    'why', (select jsonb_object_agg(j.id, pgjobs.why(j.id)) from xmp_jobs j))
"""  # noqa: E501 - a column a line
priorities = st.sampled_from([5, 5, 9, 0])
statuses = st.sampled_from([*LEGAL, "ready", "ready", "cancelled"])
verbs = st.sampled_from(sorted(VERBS))
doors = st.sampled_from(["sql", "http"])
daemons = st.sampled_from([0, 1])
moment = datetime.fromisoformat
mostly = st.sampled_from([True, True, True, False])
seldom = mostly.map(lambda value: not value)


class Game(RuleBasedStateMachine):
    """People at two doors, two daemons, one model."""

    jobs: Bundle[Job] = Bundle("jobs")
    tasks: Bundle[Task] = Bundle("tasks")

    def __init__(self, db: Db, web: Web) -> None:
        super().__init__()
        # Hypothesis would leave half of the rules out of each game, and without claims nothing happens.
        self._rules_strategy.enabled_rules_strategy = st.builds(FeatureFlags)
        self.db, self.web, self.model = db, web, Model()
        self.workers = [uuid.UUID(int=1), uuid.UUID(int=2)]
        self.running: list[Task] = []
        self.touched: Job | None = None
        self.before: dict[str, Any] = {}
        db.execute(EMPTY)
        db.execute("select pgjobs.announce_callbacks(true)")
        web.get("/jobs/status")
        self.elapse(0)
        for daemon in (0, 1):
            self.beat(daemon)
        self.after = self.look()

    def look(self) -> dict[str, Any]:
        """Everything the database keeps of its jobs."""
        seen: dict[str, Any] = self.db.value(LOOK)
        return seen

    def unchanged(self) -> None:
        """What was refused or came too late has changed nothing at all."""
        assert self.after == self.look()

    # People

    @initialize(target=jobs, later=st.booleans())
    def first_job(self, later: bool) -> Job | MultipleResults[Job]:
        """Nothing happens without a job."""
        return self.insert(
            "ready", "expired", later=later, dry_run=False, shards=1, active=True, priority=5, canary=None
        )

    @precondition(lambda self: len(self.model.jobs) < 4)
    @rule(
        target=jobs,
        status=st.sampled_from(["ready", "ready", "ready", "canceled", "cancelled"]),
        type_=st.sampled_from(["expired", "injection"]),
        later=seldom,
        dry_run=st.booleans(),
        shards=st.sampled_from([1, 2, 3]),
        active=mostly,
        priority=priorities,
        canary=st.sampled_from([None, None, 2, 5]),
    )
    def insert(
        self,
        status: str,
        type_: str,
        *,
        later: bool,
        dry_run: bool,
        shards: int,
        active: bool,
        priority: int,
        canary: int | None,
    ) -> Job:
        """A job may be inserted ready or held, for now or for later, also one that is held after its first records."""
        run_at = self.model.now + (3605 if later else -10)
        at, params = START + timedelta(seconds=run_at), {"dry_run": dry_run}
        columns = {"status": status, "run_at": at, "params": params, "shards": shards, "active": active}
        budget = Jsonb({} if canary is None else {"canary": {"first": canary}})
        job_id = insert_job(self.db, type_, **columns, priority=priority, budget=budget)
        stored = status.replace("cancelled", "canceled")
        events: list[tuple[str | None, str]] = [(None, stored)]
        file = type_ == "injection"
        job = Job(job_id, stored, run_at, shards, active, dry_run, file, priority, canary, self.model, events=events)
        self.model.jobs[job_id] = self.touched = job
        return job

    @rule(job=jobs, status=statuses)
    def update(self, job: Job, status: str) -> None:
        """By UPDATE every legal transition is made once, the same status again is none, another is refused; in progress
        is a wish to start."""
        call, to = "update xmp_jobs set status = %s where id = %s", status.replace("cancelled", "canceled")
        self.touched = job
        if (job.status, to) == ("ready", "in progress"):
            # A wish: only a claim sets it in progress.
            self.db.execute(call, (status, job.id))
            assert self.model.verb(job, "start")
            return
        if to == job.status or job.may_be_set(to):
            self.db.execute(call, (status, job.id))
            if to != job.status:
                job.become(to)
            else:
                self.unchanged()
            return
        said = self.db.refusal(call, to, job.id)
        code = "illegal_transition" if to not in LEGAL[job.status] else "unaccounted"
        assert ("PJ409", code) == (said.sqlstate, said.constraint_name)
        self.unchanged()

    @rule(job=jobs, verb=verbs, door=doors, times=st.sampled_from([1, 2]))
    def steer(self, job: Job, verb: str, door: str, times: int) -> None:
        """Start, stop and resume do the same at both doors; what is not legal now is refused in the same words."""
        self.touched = job
        for _ in range(times):
            status = job.status
            if self.model.verb(job, verb):
                if door == "sql":
                    shown = self.db.value(f"select pgjobs.{verb}_job(%s)", job.id)
                else:
                    answer = self.web.get(f"/jobs/{verb}?id={job.id}")
                    assert 200 == answer.status_code, answer.text
                    shown = answer.json()
                assert (job.id, job.status) == (shown["id"], shown["status"])
                self.after = self.look()
            else:
                sentence = self.refused(verb, job.id, 409)
                assert all(word in sentence for word in (f"job {job.id} is {status} ", *LEGAL[status]))

    @precondition(lambda self: self.model.now == 0)
    @rule(verb=verbs, status=st.sampled_from(["in progress", "done", "error"]))
    def nonsense(self, verb: str, status: str) -> None:
        """A job that does not exist is unknown at both doors, and none begins its life running or ended."""
        assert "there is no job 1000000000" == self.refused(verb, 10**9, 404)
        call = "insert into xmp_jobs (type, status) values ('expired', %s)"
        assert "bad_status" == self.db.refusal(call, status).constraint_name
        self.unchanged()

    def refused(self, verb: str, job_id: int, code: int) -> str:
        """The sentence with which both doors refuse a verb, changing nothing."""
        said = self.db.refusal(f"select pgjobs.{verb}_job(%s)", job_id)
        answer = self.web.get(f"/jobs/{verb}?id={job_id}")
        assert (f"PJ{code}", code) == (said.sqlstate, answer.status_code)
        words = {"error": said.message_primary, "code": said.constraint_name, "hint": said.message_hint}
        assert words == answer.json()
        self.unchanged()
        return str(said.message_primary)

    @rule(job=jobs, later=seldom, active=mostly)
    def reschedule(self, job: Job, *, later: bool, active: bool) -> None:
        """Another run_at is no transition, nor is holding a job back, which pauses one that runs; on a ready row, now
        means that somebody asked."""
        run_at = self.model.now + (3605 if later else 0)
        moment = START + timedelta(seconds=run_at)
        self.db.execute("update xmp_jobs set run_at = %s, active = %s where id = %s", (moment, active, job.id))
        was = job.run_at, job.active
        if job.status == "ready" and run_at != job.run_at:
            job.asked = not later
        job.run_at = run_at
        job.activate(active=active)
        if was[1] != active or (job.status == "ready" and was[0] != run_at):
            job.schedule()
        if was != (run_at, active):
            job.tell()

    @rule(job=jobs, priority=priorities)
    def prioritize(self, job: Job, priority: int) -> None:
        """Another priority counts from the next claim on; it is no transition."""
        self.db.execute("update xmp_jobs set priority = %s where id = %s", (priority, job.id))
        if priority != job.priority:
            job.priority = priority
            job.tell()

    @precondition(lambda self: not self.model.everything_held)
    @rule()
    def hold_all(self) -> None:
        """The kill switch holds every job at once."""
        self.db.execute("select pgjobs.hold_all('somebody asks')")
        self.model.everything_held = True

    @precondition(lambda self: self.model.everything_held)
    @rule()
    def release_all(self) -> None:
        """Released, every job goes on as it was."""
        self.db.execute("select pgjobs.release_all()")
        self.model.everything_held = False

    # Without claims nothing happens: it does not stay on for long.
    release_all_2 = release_all_3 = release_all

    # Time

    @precondition(lambda self: any(job.run_at > self.model.now or job.progress for job in self.model.jobs.values()))
    @rule(seconds=st.sampled_from([200, 200, 200, 4000, 25_000]))
    def elapse(self, seconds: int) -> None:
        """Time goes by: leases end, pauses end, run_at comes or is over for long; silent daemons are forgotten."""
        self.model.now += seconds
        moment = START + timedelta(seconds=self.model.now)
        call = "select set_config('pgjobs.now', %s, false)"
        self.db.execute(call, (str(moment),))
        (idle,) = self.web.app.state.database._idle
        self.web.within(lambda _: idle.execute(call, (str(moment),)))
        if seconds:
            self.db.execute(ELAPSE, {"by": timedelta(seconds=seconds)})
            heard, self.model.heard = self.model.heard, {}
            for daemon in (0, 1):
                if self.workers[daemon] in heard:
                    self.beat(daemon)

    @rule(autostart=st.booleans())
    def wake_up(self, autostart: bool) -> None:
        """The timer rings when the next thing falls due, not later and not for nothing."""
        due = self.model.next_wakeup(autostart=autostart)
        assert due - 80 <= self.db.value("select pgjobs.next_wakeup(%s)", autostart) <= due

    @precondition(
        lambda self: any(
            job.has_lines or (job.finished() and job.due() is not None) for job in self.model.jobs.values()
        )
    )
    @rule()
    def sweep(self) -> None:
        """The lines of one done job go, those of others stay; a job that runs with nothing left to do is done."""
        useless = {job.id for job in self.model.jobs.values() if job.has_lines and job.status == "done"}
        assert (len(KEYS) if useless else 0) == self.db.value("select pgjobs.sweep()")
        left = set(self.db.column("select distinct job_id from pgjobs.injection_lines"))
        gone = {job.id for job in self.model.jobs.values() if job.has_lines} - left
        assert gone <= useless
        assert min(1, len(useless)) == len(gone)
        self.model.end_exhausted()
        for job_id in gone:
            self.model.jobs[job_id].has_lines = False

    # Daemons

    @precondition(lambda self: not self.model.heard.keys() >= set(self.workers))
    @rule(daemon=daemons)
    def beat(self, daemon: int) -> None:
        """A daemon is heard of; for a while even on a machine that stalls."""
        worker = self.workers[daemon]
        self.db.execute("select pgjobs.beat(%s, %s, 'here', 1, '0', '', '[]')", (worker, f"daemon {daemon}"))
        self.db.execute(
            "update pgjobs.daemons set seen_at = clock_timestamp() + interval '100 s' where id = %s", (worker,)
        )
        self.model.beat(worker)

    @precondition(lambda self: bool(self.running))
    @rule(daemon=daemons, graceful=st.booleans())
    def leave(self, daemon: int, graceful: bool) -> None:
        """A daemon that shuts down hands back what it holds; one that is killed, or freezes, is a stranger later."""
        mine = [task for task in self.running if task.daemon == daemon]
        for task in mine:
            if graceful:
                self.release(task, hand_back=True)
            else:
                self.running.remove(task)
        if graceful:
            self.db.execute("select pgjobs.leave(%s)", (self.workers[daemon],))
            self.model.leave(self.workers[daemon])
        self.workers[daemon] = uuid.UUID(int=self.workers[daemon].int + 2)

    @precondition(lambda self: any(job.status in ("ready", "in progress") for job in self.model.jobs.values()))
    @rule(target=tasks, daemon=daemons, autostart=mostly, prepares=mostly)
    def claim(self, daemon: int, *, autostart: bool, prepares: bool) -> Task | MultipleResults[Task]:
        """A claim takes what is free or due and nothing else, under a new epoch, with what is in doubt by then."""
        worker, now = self.workers[daemon], self.model.now
        running = {task.name for task in self.running if task.daemon == daemon}
        rows = self.db.execute(CLAIM, (worker, sorted(running), autostart, timedelta(seconds=LEASE))).fetchall()
        taken = self.model.take(worker, running, autostart=autostart)
        if taken is None:
            assert [] == rows
            return multiple()
        ((job_id, number, *told),) = rows
        job = self.touched = taken[0]
        assert (job.id, taken[1]) == (job_id, number)
        shard = job.progress[number]
        if shard.keys is not None and shard.in_flight > shard.at:
            shard.ranges += 1
            shard.uncertain_to = max(shard.uncertain_to or 0, shard.keys[shard.in_flight - 1])
        shard.epoch, shard.owner, shard.lease_until = shard.epoch + 1, worker, now + LEASE
        shard.due, shard.check_at, shard.granted = None, now + LEASE, 0
        if not shard.failures:
            shard.note = None
        job.pass_turn()
        assert [shard.epoch, job.dry_run, job.needs_file, shard.keys is not None, shard.uncertain_to] == told
        task = Task(daemon, worker, job, number, shard.epoch, shard.at, shard.at)
        self.running.append(task)
        if prepares or shard.keys is not None:
            self.prepare(task)
        return task

    def prepare(self, task: Task) -> None:
        """A shard begins behind nothing, and goes on behind the last key that was accounted for."""
        job, shard = task.job, task.shard
        if shard.keys is None:
            if job.needs_file and not job.has_lines:
                read_lines(self.db, job.id, *MSISDNS.values())
                job.has_lines = True
            assert "go" == self.db.value(PREPARE, *task.key)
            job.cut()
        assert shard.keys is not None
        after, end = self.db.row("select after_key, end_key from pgjobs.shard_position(%s, %s, %s)", *task.key)
        with self.db.transaction():
            self.db.execute("select pgjobs.open_records(%s, %s, %s, %s)", (job.id, task.number, after, end))
            read = {row[0]: row[2] for row in self.db.execute("fetch all from records").fetchall()}
        assert shard.keys[shard.at :] == list(read)
        assert {key: "duplicate" if key in DUPLICATES else None for key in read} == read
        assert task.key_at(shard.at) == after

    def ask(self, task: Task, call: str, *args: object) -> bool:
        """What a daemon hears: go on, wait or stop, or nothing where it holds the shard no more; then nothing has
        changed."""
        held = task.held(self.model.now)
        self.touched = task.job
        answer = self.db.value(call, *task.key, *args)
        if not held:
            assert answer is None
            self.unchanged()
            self.end(task)
            return False
        assert task.job.orders() == answer
        task.stopping = task.stopping or answer != "go"
        task.shard.lease_until = self.model.now + LEASE
        return True

    def end(self, task: Task) -> None:
        """The daemon drops a task; calls that are still under way come too late."""
        task.over = True
        if task in self.running:
            self.running.remove(task)

    @rule(task=tasks, more=st.integers(1, 6), blocked=st.booleans())
    def renew(self, task: Task, more: int, blocked: bool) -> None:
        """A renewal announces what is published next, and whether the broker is blocked; a late one does nothing."""
        keys, note = task.shard.keys, "the broker is blocked: memory" if blocked else None
        upto = task.announced
        if keys is not None and not task.job.dry_run and not task.stopping:
            upto = min(max(task.at, task.announced) + more, len(keys))
        ahead = task.key_at(upto) if upto > task.announced else None
        call = "select (select verdict from pgjobs.renew_lease(%s, %s, %s, %s, %s, %s))"
        if self.ask(task, call, timedelta(seconds=LEASE), ahead, note):
            task.shard.note, task.announced = note, upto
            if ahead is not None:
                task.shard.in_flight = upto

    @rule(task=tasks, wanted=st.integers(1, 9))
    def grant(self, task: Task, wanted: int) -> None:
        """Before it publishes a run is told how much; a canary that is through holds the job, and a late one hears
        nothing."""
        held = task.held(self.model.now)
        self.touched = task.job
        rows = self.db.execute("select verdict, at_most from pgjobs.grant_records(%s, %s, %s, %s)", (*task.key, wanted))
        answer = rows.fetchone()
        if not held:
            assert answer is None
            self.unchanged()
            self.end(task)
            return
        assert task.job.ask(task.shard, wanted) == answer
        task.stopping = task.stopping or answer[0] != "go"

    @rule(task=tasks, more=st.integers(1, 9), ahead=st.integers(0, 3), returned=st.integers(0, 2))
    def checkpoint(self, task: Task, more: int, ahead: int, returned: int) -> None:
        """A checkpoint of the holder counts its records, after a stop those in flight; a stale one does nothing."""
        keys, shard = task.shard.keys, task.shard
        upto = 0 if keys is None else min(task.at + more, task.announced if task.stopping else len(keys))
        if keys is None or upto <= task.at:
            return
        window = keys[task.at : upto]
        skipped = len(DUPLICATES.intersection(window))
        returned = min(returned, len(window) - skipped)
        sent = len(window) - skipped - returned
        counts = [["sent", "", sent], ["skip", "duplicate", skipped], ["skip", "NO_ROUTE", returned]]
        announced = upto if task.job.dry_run or task.stopping else min(upto + ahead, len(keys))
        announced = max(task.announced, announced)
        outcomes = Jsonb([count for count in counts if count[2]])
        bounds = task.key_at(upto), task.key_at(announced)
        log = upto * 80, b"chain", b"\0\0" * len(window)
        if self.ask(task, CHECKPOINT, timedelta(seconds=LEASE), *bounds, sent, skipped, returned, outcomes, *log):
            task.at, task.announced = upto, announced
            shard.at, shard.in_flight, shard.note, shard.failures = upto, announced, None, 0
            shard.sent, shard.skipped, shard.returned = (
                shard.sent + sent,
                shard.skipped + skipped,
                shard.returned + returned,
            )
            shard.granted = 0
            shard.checkpoints += 1

    @rule(target=tasks, task=consumes(tasks))
    def finish(self, task: Task) -> Task | MultipleResults[Task]:
        """Whoever is at the end of a shard finishes it; the job is done with its last one, if it still runs."""
        job, shard = task.job, task.shard
        while not task.over and not task.stopping and shard.keys is not None and task.at < len(shard.keys):
            self.after = self.look()
            self.checkpoint(task, more=6, ahead=3, returned=1)
        held = task.held(self.model.now)
        if held and (shard.keys is None or task.at < len(shard.keys)):
            return task
        self.after = self.look()
        answer = self.db.value("select pgjobs.finish_shard(%s, %s, %s)", *task.key)
        self.touched = job
        self.end(task)
        if not held:
            assert answer is None
            self.unchanged()
            return multiple()
        shard.finished, shard.uncertain_to, shard.note = True, None, None
        shard.let_go(clean=True)
        ends = job.finished() and job.status == "in progress"
        assert ("done" if ends else "finished") == answer
        if ends:
            job.become("done")
        elif job.finished() and job.status == "ready":
            job.schedule()
        job.pass_turn()
        return multiple()

    @rule(target=tasks, task=consumes(tasks), hand_back=st.booleans())
    def release(self, task: Task, *, hand_back: bool) -> Task | MultipleResults[Task]:
        """A shard is given up, at once for anybody or with its job; a stale owner has none."""
        if task.over:
            return multiple()
        job = task.job
        self.touched, self.after = job, self.look()
        self.db.execute("select pgjobs.release_shard(%s, %s, %s, %s, %s)", (*task.key, task.clean, hand_back))
        if not self.given_up(task, None):
            return multiple()
        if hand_back and job.status == "in progress" and not any(other.owner for other in job.progress):
            job.become("ready")
            job.asked = True
            job.tell()
        return task

    @rule(
        target=tasks,
        task=consumes(tasks),
        reason=st.sampled_from(["it gave its place up", "the database went away: gone"]),
        pause=st.sampled_from([0, 300]),
        failure=st.booleans(),
    )
    def park(self, task: Task, *, reason: str, pause: int, failure: bool) -> Task | MultipleResults[Task]:
        """A shard waits with its reason: for its turn, for a pause, or after a failure for one that grows."""
        if task.over:
            return multiple()
        job, shard = task.job, task.shard
        self.touched, self.after = job, self.look()
        call = "select pgjobs.park_shard(%s, %s, %s, %s, %s, %s, %s)"
        parked = self.db.value(call, *task.key, task.clean, timedelta(seconds=pause), reason, failure)
        if failure:
            pause = 90 * PAUSES[min(shard.failures, 4)]
        failures = shard.failures + 1 if failure else 0
        assert bool(parked) == self.given_up(task, reason, pause)
        if parked:
            shard.failures = failures
            if failure and shard.due is not None:
                assert pause == 90 * self.db.value(PAUSE, job.id, task.number)
        return task if parked else multiple()

    def given_up(self, task: Task, reason: str | None, pause: int = 0) -> bool:
        """The daemon drops a task, and the shard waits, unless it has another owner already."""
        shard = task.shard
        self.end(task)
        if shard.epoch != task.epoch or shard.finished:
            self.unchanged()
            return False
        shard.let_go(clean=task.clean)
        shard.note, shard.failures = reason, 0
        task.job.park(shard, pause)
        return True

    @rule(target=tasks, task=consumes(tasks), heard=st.booleans())
    def fail(self, task: Task, *, heard: bool) -> Task | MultipleResults[Task]:
        """The holder breaks a running job off, a stale one doesn't; unheard, a daemon may take its own shard again."""
        if not heard:
            self.end(task)
            return task
        held = task.held(self.model.now)
        self.touched = task.job
        call = "select pgjobs.fail_job(%s, %s, %s, %s, 'route', 'there is no queue')"
        self.db.execute(call, (*task.key, task.clean))
        self.end(task)
        if not held:
            self.unchanged()
            return multiple()
        task.shard.let_go(clean=task.clean)
        task.shard.note = None
        if task.job.status == "in progress":
            task.job.become("error")
        elif task.job.status == "ready":
            # Resumed meanwhile: it is tried again.
            task.job.schedule()
        return task

    # Some moves are made more often than others.
    claim_2 = claim_3 = claim_4 = claim
    checkpoint_2 = checkpoint_3 = checkpoint

    # What always holds

    @invariant()
    def a_look(self) -> None:
        """One look for all invariants, kept beside the one before."""
        self.before, self.after = self.after, self.look()

    @invariant()
    def both_doors_tell_the_status(self) -> None:
        """The status is the same in the model, in SQL and in what HTTP shows, and so are the counts."""
        assert {str(job.id): job.status for job in self.model.jobs.values()} == {
            job_id: row["status"] for job_id, row in self.after["jobs"].items()
        }
        if self.touched is not None:
            shown, shards = self.web.get(f"/jobs/status?id={self.touched.id}").json(), self.touched.progress
            counts = [sum(getattr(shard, name) for shard in shards) for name in ("sent", "skipped", "returned")]
            told = [shown["progress"][name] for name in ("considered", "sent", "skipped", "returned")]
            assert (self.touched.status, [sum(counts), *counts]) == (shown["status"], told)
            assert self.after["why"][str(self.touched.id)] == shown["why"]

    @invariant()
    def every_record_is_accounted_for(self) -> None:
        """considered = sent + skipped + returned = outcomes, as the model counts; done means every record is in it."""
        for job, number, shard in self.model.shards():
            row = self.after["shards"][f"{job.id}/{number}"]
            counts = [shard.sent, shard.skipped, shard.returned]
            assert [sum(counts), *counts] == [row[name] for name in ("considered", "sent", "skipped", "returned")]
            assert sum(counts) == shard.at == (self.after["accounted"] or {}).get(f"{job.id}/{number}", 0)
            assert shard.checkpoints == row["checkpoints"]
        for job in self.model.jobs.values():
            if job.status == "done":
                assert sorted(KEYS) == sorted(key for shard in job.progress for key in shard.keys or [])
                assert len(KEYS) == sum(shard.at for shard in job.progress)

    @invariant()
    def one_owner_at_a_time(self) -> None:
        """Owner, lease and epoch are the model's; an epoch only grows and the last key never goes back (I7)."""
        for job, number, shard in self.model.shards():
            name = f"{job.id}/{number}"
            row, was = self.after["shards"][name], (self.before["shards"] or {}).get(name, {})
            owner = None if shard.owner is None else str(shard.owner)
            if owner is None and not shard.finished and job.due() is not None:
                assert (shard.due is None) == (row["due_at"] is None), (job, number, row)
                assert shard.due is None or START + timedelta(seconds=shard.due) == moment(row["due_at"])
            assert (shard.note, shard.failures, shard.granted) == (row["note"], row["failures"], row["granted"])
            assert (owner, shard.epoch, shard.finished) == (row["owner"], row["epoch"], row["finished_at"] is not None)
            assert shard.held(self.model.now) == (name in (self.after["held"] or []))
            assert shard.ranges == (self.after["ranges"] or []).count(name)
            assert was.get("epoch", 0) <= row["epoch"]
            assert (was.get("after_key") or 0) <= (row["after_key"] or 0)
            assert (shard.keys[shard.at - 1] if shard.keys and shard.at else shard.start) == row["after_key"]

    @invariant()
    def what_is_held_stays_held(self) -> None:
        """Whether a job is active, and which of its rules hold it, is the model's: only somebody who looks lets go."""
        for job in self.model.jobs.values():
            assert job.active == self.after["jobs"][str(job.id)]["active"]
            assert not (job.held and job.active)
        held = {f"{job.id} {kind}" for job in self.model.jobs.values() for kind, on in job.holds.items() if on}
        assert held == set(self.after["holds"] or [])

    @invariant()
    def every_transition_is_one_event(self) -> None:
        """Each transition is one row of events, legal, and news for the CMS where it ends a job; nothing else is."""
        for job in self.model.jobs.values():
            events = [(was, to) for job_id, was, to in self.after["events"] if job_id == job.id]
            assert job.events == events
            assert all(to in LEGAL[was] for was, to in events[1:])
            assert [to for _, to in events[:-1]] == [was for was, _ in events[1:]]
            assert sum(to in ENDED for _, to in events[1:]) == job.told == (self.after["told"] or []).count(job.id)

    @invariant()
    def whatever_stands_still_says_why(self) -> None:
        """why says something of every job that doesn't move, and nothing of one that does."""
        for job in self.model.jobs.values():
            moves, why = self.model.moves(job), self.after["why"][str(job.id)]
            assert moves is None or moves == (why is None), (job, why)


@pytest.mark.long
def test_states(db: Db, database: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two hundred games of up to fifty moves, and after each move everything is as the contract says."""
    # The clock is set on the one connection of the web application: a machine that stalls must not cost it.
    monkeypatch.setattr("pgjobs.web.pool.PROBE_SECONDS", 60)
    rows = "insert into xmp_retries_expired (id, msisdn) values (%s, %s)"
    db.cursor().executemany(rows, list(MSISDNS.items()))
    # As the owner, whose sessions may move the clock.
    with Web(read_settings(database_url=database)) as web:
        run_state_machine_as_test(lambda: Game(db, web), settings=RUN)  # type: ignore[arg-type] # a factory serves as well
