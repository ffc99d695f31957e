"""The daemons of the stateful test: they claim, checkpoint, fall silent, wake up too late and die."""

import uuid
from datetime import timedelta

from fix_jobs import PREPARE, read_lines
from game_world import MSISDNS, World, daemons, mostly, tasks
from hypothesis import strategies as st
from hypothesis.stateful import MultipleResults, consumes, multiple, precondition, rule
from model_states import DUPLICATES, LEASE, PAUSES, Task
from psycopg.types.json import Jsonb

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


class Daemons(World):
    """Two daemons, and those that were killed or froze before them."""

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
        shard.repaced = False
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
        assert bool(parked) == self.given_up(task, reason, pause, failure=failure)
        if parked:
            shard.failures = failures
            if failure and shard.due is not None:
                assert pause == 90 * self.db.value(PAUSE, job.id, task.number)
        return task if parked else multiple()

    def given_up(self, task: Task, reason: str | None, pause: int = 0, *, failure: bool = False) -> bool:
        """The daemon drops a task, and the shard waits, unless it has another owner already."""
        shard = task.shard
        self.end(task)
        if shard.epoch != task.epoch or shard.finished:
            self.unchanged()
            return False
        shard.let_go(clean=task.clean)
        shard.note, shard.failures = reason, 0
        task.job.park(shard, pause, failure=failure)
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
