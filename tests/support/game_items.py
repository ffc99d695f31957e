"""The game of items: two daemons drive a shard by hand, and consumers answer early, twice, late or not at all."""

import json
import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

from fix_items import Tracked
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule
from hypothesis.strategies._internal.featureflags import FeatureFlags
from model_items import KEYS, Model
from psycopg.types.json import Jsonb

START = datetime(2030, 1, 1, tzinfo=UTC)
HOUR = "interval '1 hour'"
BODIES: dict[str, dict[str, object]] = {
    "good": {"result": "SUCCESSFUL"},
    "failed": {"result": "ERROR_PROCESSING"},
    "partial": {"status": "partial", "steps": [{"name": "half"}]},
}
LOOK = """
select jsonb_build_object(
  'items', (select jsonb_object_agg(i.key, jsonb_build_array(i.status::text, i.attempts,
    case when i.status in ('w', 'r') then i.answer::text end)) from pgjobs.items i where i.job_id = %(job)s),
  'counts', (select jsonb_object_agg(c.status, c.n) from (
    select k.status::text, sum(k.n) as n from pgjobs.item_counts k where k.job_id = %(job)s group by 1 having sum(k.n) <> 0) c),
  'retries', (select jsonb_agg(r.key order by r.key) from pgjobs.item_retries r where r.job_id = %(job)s),
  'faults', (select coalesce(sum(f.n), 0) from pgjobs.reply_faults f where f.kind = 'not_launched'),
  'others', (select coalesce(sum(f.n), 0) from pgjobs.reply_faults f where f.kind <> 'not_launched'),
  'status', (select j.status from xmp_jobs j where j.id = %(job)s),
  'due', (select coalesce(p.due_at, 'infinity') from pgjobs.shards p where p.job_id = %(job)s and p.owner is null),
  'considered', (select p.considered from pgjobs.shards p where p.job_id = %(job)s),
  'attempts', (select sum(i.attempts) from pgjobs.items i where i.job_id = %(job)s))
"""  # noqa: E501 - a value a line
CLAIM = "select * from pgjobs.claim_shards(%s, '{}', true, interval '1 hour') where job_id = %s"
OPEN_SHARD = (
    "select pgjobs.open_shard(%s, 0, %s, interval '1 hour', 'here', '/nowhere', 0, m.start_key, m.first_key, m.end_key,"
    " m.send_limit, m.estimate, m.cuts) from pgjobs.measure_selection(%s) m"
)
OPEN_AGAIN = f"select pgjobs.open_shard(%s, 0, %s, {HOUR}, 'here', '/nowhere', 0, null, null, null, null, null, null)"
CHECKPOINT = f"select pgjobs.checkpoint_items(%s, 0, %s, {HOUR}, %s, %s, %s, 0, 0, %s, 0, '', '', '{{}}', %s::bigint[])"
holds = precondition(lambda self: self.epoch)
seldom = st.sampled_from([False, False, False, True])
kinds = st.sampled_from(["good", "good", "failed", "failed", "partial"])


class Items(RuleBasedStateMachine):
    """A job of a few items, its shard in the hands of a daemon or of none."""

    def __init__(self, tracked: Tracked) -> None:
        super().__init__()
        # Hypothesis would leave half of the rules out of each game, and without windows nothing happens.
        self._rules_strategy.enabled_rules_strategy = st.builds(FeatureFlags)
        self.engine, self.model = tracked.engine, Model()
        self.engine.execute("delete from pgjobs.reply_faults")
        self.clock()
        self.job = tracked.add_job()
        self.epoch = self.last_epoch = 0
        self.cursor: list[int] = []
        self.window: list[int] = []
        self.take()

    def clock(self) -> None:
        """The database has the time of the model."""
        moment = START + timedelta(seconds=self.model.now)
        self.engine.execute("select set_config('pgjobs.now', %s, false)", moment.isoformat())

    def look(self) -> dict[str, Any]:
        """Everything that the database keeps of the items."""
        cursor = self.engine.database.execute(LOOK.encode(), {"job": self.job})
        ((found,),) = cursor.fetchall()
        assert isinstance(found, dict)
        return found

    @invariant()
    def the_items_are_the_model_s(self) -> None:
        """Status, attempts and early answers, the counters, and what was answered in vain, are those of the model."""
        model, seen = self.model, self.look()
        items = {
            str(key): [item.status, item.attempts, item.answer if item.status in "wr" else None]
            for key, item in model.items.items()
        }
        assert items == seen["items"]
        assert dict(model.statuses() + model.vain) == seen["counts"]
        assert (model.not_launched, 0) == (seen["faults"], seen["others"])
        assert model.status == seen["status"]
        # What a lost daemon had sent and its successor accounts for has one line.
        assert seen["considered"] == seen["attempts"]
        if seen["due"] is not None and not self.epoch and model.round_over and model.status == "in progress":
            due = model.next_due()
            assert due is None or seen["due"] != "infinity"
            assert due is None or datetime.fromisoformat(seen["due"]) <= START + timedelta(seconds=max(due, model.now))

    @rule(seconds=st.sampled_from([1, 9, 50, 100]))
    def time_goes_by(self, seconds: int) -> None:
        """Attempts end by time, and waits end."""
        self.model.now += seconds
        self.clock()

    @rule(
        keys=st.lists(st.sampled_from(KEYS), min_size=1, max_size=3, unique=True),
        kind=kinds,
        times=st.sampled_from([1, 1, 2]),
        named=st.sampled_from([None, 1, 2]),
        together=st.booleans(),
    )
    def answer(self, keys: list[int], kind: str, times: int, named: int | None, *, together: bool) -> None:
        """Consumers answer, in one statement: some twice, in one message or in two, some name the attempt."""
        ids, bodies = [], []
        for key in keys:
            for _ in range(times):
                self.model.answer(key, kind, named)
            body = BODIES[kind] | {"id": f"{self.job}-{key}"} | ({} if named is None else {"attempt": named})
            ids += [None] * (1 if together else times)
            bodies += [json.dumps([body] * times)] if together else [json.dumps(body)] * times
        jobs = self.engine.value("select array_agg(r.job_id) from pgjobs.report_items(%s, %s) r", ids, bodies)
        self.engine.execute("select pgjobs.settle_items(%s)", jobs or [])

    @precondition(lambda self: not self.epoch and self.model.status in ("ready", "in progress"))
    @rule()
    def take(self) -> None:
        """Another daemon takes the shard, ends what is over and reads what is due."""
        engine, model = self.engine, self.model
        engine.execute("update pgjobs.shards set due_at = pgjobs.now() where job_id = %s and owner is null", self.job)
        (claimed,) = engine.rows(CLAIM, uuid.uuid4(), self.job)
        self.epoch = self.last_epoch = claimed["epoch"]
        if claimed["prepared"]:
            model.take()
            engine.execute(OPEN_AGAIN, self.job, self.epoch)
        else:
            engine.execute("select pgjobs.expand_items(%s)", self.job)
            engine.execute(OPEN_SHARD, self.job, self.epoch, self.job)
        self.window, self.cursor = [], model.readable()
        if not model.round_over:
            where = engine.rows("select after_key, end_key from pgjobs.shards where job_id = %s", self.job)[0]
            select = "select pgjobs.records_statement(%s, 0, %s, %s)"
            statement = engine.value(select, self.job, where["after_key"], where["end_key"])
            assert self.cursor == [record["key"] for record in engine.rows(statement.replace("%", "%%"))]

    @precondition(lambda self: self.epoch and self.cursor and not self.window and self.model.status == "in progress")
    @rule(most=st.integers(1, 4))
    def publish(self, most: int) -> None:
        """A window is announced and published."""
        self.window, self.cursor = self.cursor[:most], self.cursor[most:]
        self.model.announced = self.window[-1]
        announce = f"select pgjobs.renew_lease(%s, 0, %s, {HOUR}, %s)"
        self.engine.execute(announce, self.job, self.epoch, self.window[-1])

    @precondition(lambda self: self.epoch and self.window)
    @rule()
    def checkpoint(self) -> None:
        """It is accounted for."""
        assert self._checkpoint(self.epoch, self.window)
        self.model.checkpoint(self.window)
        self.window = []

    def _checkpoint(self, epoch: int, window: list[int]) -> bool:
        n, last = len(window), window[-1]
        sent = Jsonb([["sent", "", n]])
        return bool(self.engine.rows(CHECKPOINT, self.job, epoch, last, last, n, sent, window))

    @precondition(lambda self: self.epoch and not self.window and not self.cursor)
    @precondition(lambda self: self.model.status == "in progress")
    @rule()
    def finish(self) -> None:
        """The round is over, or the job is done."""
        said = self.engine.value("select pgjobs.finish_shard(%s, 0, %s)", self.job, self.epoch)
        assert self.model.finish() == said
        self.epoch = 0

    @holds
    @rule(really=seldom)
    def lose(self, *, really: bool) -> None:
        """The daemon is lost, with what it has in flight."""
        if not really:
            return
        lose = (
            "update pgjobs.shards set lease_until = clock_timestamp(), lease_check_at = '-infinity' where job_id = %s"
        )
        self.engine.execute(lose, self.job)
        self.epoch, self.window = 0, []

    @precondition(lambda self: not self.epoch and self.last_epoch)
    @rule(key=st.sampled_from(KEYS))
    def wake_up_too_late(self, key: int) -> None:
        """One that was lost or has let go accounts for nothing and ends nothing."""
        assert not self._checkpoint(self.last_epoch, [key])
        assert self.engine.value("select pgjobs.finish_shard(%s, 0, %s)", self.job, self.last_epoch) is None

    @precondition(lambda self: self.epoch and not self.window)
    @rule(really=seldom)
    def release(self, *, really: bool) -> None:
        """The daemon lets go in order, as after a stop."""
        if not really and self.model.status == "in progress":
            return
        self.engine.execute("select pgjobs.release_shard(%s, 0, %s, true, false)", self.job, self.epoch)
        self.epoch = 0

    @precondition(lambda self: self.model.status == "in progress")
    @rule(really=seldom)
    def stop(self, *, really: bool) -> None:
        """What was not launched waits."""
        if really:
            self.engine.execute("select pgjobs.stop_job(%s)", self.job)
            self.model.status = "canceled"

    @precondition(lambda self: self.model.status == "canceled" and not self.model.cancelled and not self.epoch)
    @rule()
    def resume(self) -> None:
        """It goes on where it was."""
        self.engine.execute("select pgjobs.resume_job(%s)", self.job)
        self.model.status = "ready"

    @precondition(lambda self: self.model.status != "done" and not self.model.cancelled)
    @precondition(lambda self: self.model.now > 600)
    @rule(really=seldom)
    def cancel(self, *, really: bool) -> None:
        """Whatever is open is closed, for good."""
        if really:
            self.engine.execute("select pgjobs.cancel_job(%s)", self.job)
            # As the daemons do where one of them still runs it.
            self.engine.execute("select pgjobs.close_cancelled(%s)", self.job)
            self.model.cancel()

    # Some moves are made more often than others.
    take_2 = take_3 = take
    publish_2 = publish
    checkpoint_2 = checkpoint
    finish_2 = finish
    answer_2 = answer
    time_goes_by_2 = time_goes_by

    def teardown(self) -> None:
        """Nobody works on it any more."""
        self.engine.execute(
            "update pgjobs.shards set owner = null, lease_until = null, due_at = null where job_id = %s", self.job
        )
        if self.model.status != "done" and not self.model.cancelled:
            self.engine.execute("select pgjobs.cancel_job(%s)", self.job)
