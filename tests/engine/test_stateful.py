"""T14: whatever people and daemons do to jobs, in whatever order, SQL and HTTP do what the contract's model says.

Hypothesis plays people at both doors and two daemons that claim, checkpoint, fall silent, wake up too late and die;
there is no process. tests/models/model_states.py knows what each step may change. PGJOBS_TEST_LONG=1 (with pytest's
`-o faulthandler_timeout=0`) plays 5,000 new games, not the same 200.
"""

import os
from datetime import datetime, timedelta

import hypothesis
import pytest
from fix_jobs import Db
from fix_web import Web
from game_daemons import Daemons
from game_people import People
from game_world import MSISDNS, START
from hypothesis import HealthCheck, settings
from hypothesis.stateful import invariant, run_state_machine_as_test
from model_states import ENDED, KEYS, LEGAL

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
moment = datetime.fromisoformat


class Game(People, Daemons):
    """People at two doors, two daemons, one model, and what always holds."""

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
