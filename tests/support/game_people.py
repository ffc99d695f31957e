"""The people of the stateful test: they insert jobs and steer them, in SQL and by HTTP."""

from datetime import timedelta

from fix_jobs import insert_job
from game_world import START, World, jobs, mostly
from hypothesis import strategies as st
from hypothesis.stateful import MultipleResults, initialize, precondition, rule
from model_states import LEGAL, VERBS, Job
from psycopg.types.json import Jsonb

priorities = st.sampled_from([5, 5, 9, 0])
statuses = st.sampled_from([*LEGAL, "ready", "ready", "cancelled"])
verbs = st.sampled_from(sorted(VERBS))
doors = st.sampled_from(["sql", "http"])
seldom = mostly.map(lambda value: not value)


class People(World):
    """People at two doors."""

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
                assert all(
                    word in sentence
                    for word in (f"job {job.id} is {'in error' if status == 'error' else status} ", *LEGAL[status])
                )

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
