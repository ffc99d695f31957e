"""The judge of pauses, holds, stops and rates is tested itself: it names what was published in spite of them, and
nothing else."""

from collections.abc import Iterator
from datetime import datetime, timedelta

import pytest
from fix_daemon import Engine

from pgjobs.lab.services import Services
from pgjobs.torture.halts import Halts
from pgjobs.torture.place import Place, Scale

WINDOW = 7
JUST_NOW = "update pgjobs.checkpoints set at = clock_timestamp()"
BEGIN = "insert into pgjobs.events (job_id, to_status, at, role) values (%s, 'in progress', %s, '')"


class Halt:
    """A job whose checkpoints a test writes by hand, second by second."""

    def __init__(self, engine: Engine, services: Services) -> None:
        scale = Scale(window=WINDOW)
        self.place = Place(services, engine.database_url, engine.amqp_url, engine.queue, engine.folder, scale)
        self.halts = Halts(self.place)
        self.engine = engine
        self.began: datetime = engine.value("select clock_timestamp() - interval '1 hour'")
        self.job = engine.add_job("expired")
        engine.execute(BEGIN, self.job, self.began)
        self.number = 0

    def publish(self, second: float, sent: int, shard: int = 0) -> None:
        """A checkpoint with so many sent."""
        self.number += 1
        self.engine.execute(
            "insert into pgjobs.checkpoints values (%s, %s, %s, 1, %s, 9, %s, 0, 0, 50, '', '')",
            self.job, shard, self.number, self.began + timedelta(seconds=second), sent,
        )  # fmt: skip


@pytest.fixture
def halted(engine: Engine, services: Services) -> Iterator[Halt]:
    """A job without checkpoints."""
    made = Halt(engine, services)
    yield made
    made.place.close()


@pytest.mark.parametrize("every_job", [False, True])
def test_what_is_published_in_a_pause(halted: Halt, every_job: bool) -> None:
    """Two windows of each shard may be in flight when a pause begins, and a third one where the checkpoint before had
    not heard of it; one record more is a violation, and what was published before and after the pause is none."""
    job = None if every_job else halted.job
    halted.publish(1, 1000)
    halted.halts.note("a pause", job, since=halted.began + timedelta(seconds=2))
    for shard in (0, 1):
        halted.publish(3, WINDOW, shard)
        halted.publish(4, 2 * WINDOW, shard)
    assert [] == halted.halts.judge()
    halted.publish(5, 1, shard=1)
    said = [f"job {halted.job}, shard 1 published 22 records in spite of a pause, 21 were allowed"]
    assert said == halted.halts.judge()
    halted.halts.note("a pause", -1)
    assert said == halted.halts.judge()


def test_what_is_published_after_a_pause(halted: Halt) -> None:
    """What comes after the end of a pause is right; the end of another one says nothing of it."""
    halted.halts.note("a pause", halted.job, since=halted.began)
    halted.halts.end("a stop", halted.job)
    halted.halts.end("a pause")
    halted.publish(1, 1000)
    halted.engine.execute(JUST_NOW)
    assert 1 == len(halted.halts.judge())
    halted.halts.end("a pause", halted.job)
    halted.engine.execute(JUST_NOW)
    assert [] == halted.halts.judge()


def test_a_stop_never_ends(halted: Halt) -> None:
    """What is published long after a stop is a violation, also when every other limit is gone."""
    halted.halts.note("stop", halted.job, since=halted.began)
    halted.halts.note("a pause", halted.job, since=halted.began)
    halted.publish(10, 22)
    halted.halts.lift()
    assert 2 == len(halted.halts.judge())
    halted.engine.execute(JUST_NOW)
    assert ["stop"] == [sentence.split(" in spite of ")[1].split(",")[0] for sentence in halted.halts.judge()]


def test_what_is_faster_than_its_rate(halted: Halt) -> None:
    """From its beginning on a job sends a second's worth at once at most; one that begins again sends it again."""
    halted.halts.limit(halted.job, 10)
    halted.publish(0.1, 10)
    halted.publish(1, 10)
    assert [] == halted.halts.judge()
    halted.publish(1.5, 10)
    assert [f"job {halted.job} published 30 records, more than its rate of 10 allows (1 checkpoints)"] == (
        halted.halts.judge()
    )
    at = halted.began + timedelta(seconds=1.2)
    halted.engine.execute(BEGIN, halted.job, at)
    assert [] == halted.halts.judge()


def test_what_is_given_up_without_a_stop(halted: Halt) -> None:
    """Records that are timed out are counted, and are a violation where the job has no stop."""
    halted.engine.execute("insert into pgjobs.outcomes values (%s, 0, 'skip', 'timed_out', 4)", halted.job)
    assert [f"job {halted.job}: 4 records are timed out, and it has no stop"] == halted.halts.judge()
    halted.engine.execute("update xmp_jobs set stop_at = '2100-01-01'")
    assert [] == halted.halts.judge()
