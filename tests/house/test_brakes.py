"""The judge of pauses, holds, stops and rates is tested itself: it names what was published in spite of them, and
nothing else."""

from collections.abc import Iterator
from datetime import datetime, timedelta

import pytest
from fix_daemon import Engine

from pgjobs.lab.services import Services
from pgjobs.torture.brakes import Brakes
from pgjobs.torture.place import Place, Scale

WINDOW = 7
JUST_NOW = "update pgjobs.checkpoints set at = clock_timestamp()"
BEGIN = "insert into pgjobs.events (job_id, to_status, at, role) values (%s, 'in progress', %s, '')"


class Braked:
    """A job whose checkpoints a test writes by hand, second by second."""

    def __init__(self, engine: Engine, services: Services) -> None:
        scale = Scale(window=WINDOW)
        self.place = Place(services, engine.database_url, engine.amqp_url, engine.queue, engine.folder, scale)
        self.brakes = Brakes(self.place)
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
def braked(engine: Engine, services: Services) -> Iterator[Braked]:
    """A job without checkpoints."""
    made = Braked(engine, services)
    yield made
    made.place.close()


@pytest.mark.parametrize("every_job", [False, True])
def test_what_is_published_in_a_pause(braked: Braked, every_job: bool) -> None:
    """Two windows of each shard may be in flight when a pause begins, and a third one where the checkpoint before had
    not heard of it; one record more is a violation, and what was published before and after the pause is none."""
    job = None if every_job else braked.job
    braked.publish(1, 1000)
    braked.brakes.note("a pause", job, since=braked.began + timedelta(seconds=2))
    for shard in (0, 1):
        braked.publish(3, WINDOW, shard)
        braked.publish(4, 2 * WINDOW, shard)
    assert [] == braked.brakes.judge()
    braked.publish(5, 1, shard=1)
    said = [f"job {braked.job}, shard 1 published 22 records in spite of a pause, 21 were allowed"]
    assert said == braked.brakes.judge()
    braked.brakes.note("a pause", -1)
    assert said == braked.brakes.judge()


def test_what_is_published_after_a_pause(braked: Braked) -> None:
    """What comes after the end of a pause is right; the end of another one says nothing of it."""
    braked.brakes.note("a pause", braked.job, since=braked.began)
    braked.brakes.end("a stop", braked.job)
    braked.brakes.end("a pause")
    braked.publish(1, 1000)
    braked.engine.execute(JUST_NOW)
    assert 1 == len(braked.brakes.judge())
    braked.brakes.end("a pause", braked.job)
    braked.engine.execute(JUST_NOW)
    assert [] == braked.brakes.judge()


def test_a_stop_never_ends(braked: Braked) -> None:
    """What is published long after a stop is a violation, also when every other limit is gone."""
    braked.brakes.note("stop", braked.job, since=braked.began)
    braked.brakes.note("a pause", braked.job, since=braked.began)
    braked.publish(10, 22)
    braked.brakes.lift()
    assert 2 == len(braked.brakes.judge())
    braked.engine.execute(JUST_NOW)
    assert ["stop"] == [sentence.split(" in spite of ")[1].split(",")[0] for sentence in braked.brakes.judge()]


def test_what_is_faster_than_its_rate(braked: Braked) -> None:
    """From its beginning on a job sends a second's worth at once at most; one that begins again sends it again."""
    braked.brakes.limit(braked.job, 10)
    braked.publish(0.1, 10)
    braked.publish(1, 10)
    assert [] == braked.brakes.judge()
    braked.publish(1.5, 10)
    assert [f"job {braked.job} published 30 records, more than its rate of 10 allows (1 checkpoints)"] == (
        braked.brakes.judge()
    )
    at = braked.began + timedelta(seconds=1.2)
    braked.engine.execute(BEGIN, braked.job, at)
    assert [] == braked.brakes.judge()


def test_what_is_given_up_without_a_stop(braked: Braked) -> None:
    """Records that are timed out are counted, and are a violation where the job has no stop."""
    braked.engine.execute("insert into pgjobs.outcomes values (%s, 0, 'skip', 'timed_out', 4)", braked.job)
    assert [f"job {braked.job}: 4 records are timed out, and it has no stop"] == braked.brakes.judge()
    braked.engine.execute("update xmp_jobs set stop_at = '2100-01-01'")
    assert [] == braked.brakes.judge()
