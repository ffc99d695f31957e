"""The world of the stateful test: what a game begins with, what is seen of it, and the time that goes by."""

import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

from fix_jobs import Db
from fix_web import Web
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, precondition, rule
from hypothesis.strategies._internal.featureflags import FeatureFlags
from model_states import KEYS, Job, Model, Task

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
daemons = st.sampled_from([0, 1])
mostly = st.sampled_from([True, True, True, False])
jobs: Bundle[Job] = Bundle("jobs")
tasks: Bundle[Task] = Bundle("tasks")


class World(RuleBasedStateMachine):
    """One database, its web process and the model of both; time goes by, and daemons are heard of."""

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
