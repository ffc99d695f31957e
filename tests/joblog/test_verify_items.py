"""`pgjobs verify` of a tracked job: log, items and counters agree; and each of them changed afterwards is named."""

import asyncio
from typing import Any

import pika
import pytest
from fix_items import Tracked
from fix_rounds import BAD, GOOD

from pgjobs.joblog.verdict import Verdict
from pgjobs.joblog.verify import examine

ITEMS = 40


def half_failing(properties: pika.BasicProperties, body: Any) -> object:
    """One in four fails at first, and one in ten for ever."""
    n = body["n"]
    return BAD if n % 10 == 0 or (n % 4 == 0 and str(properties.message_id).endswith("-1")) else GOOD


class Finished:
    """A tracked job that is done, in two shards; a test changes what it left."""

    def __init__(self, tracked: Tracked) -> None:
        self.engine = tracked.engine
        tracked.rules(retry_limit=1, params=["order"])
        tracked.targets(ITEMS)
        self.engine.execute("update public.targets set code = 'no_device' where id = 7")
        self.job = tracked.add_job(shards=2)
        tracked.consume(half_failing)
        daemon = self.engine.start()
        self.engine.wait_status(self.job, "done")
        daemon.terminate()

    def verdict(self) -> Verdict:
        """What verify says of it."""
        return asyncio.run(examine(self.engine.database_url, self.job))


@pytest.fixture
def finished(tracked: Tracked) -> Finished:
    """Such a job."""
    return Finished(tracked)


def test_the_items_of_a_job_agree_with_its_log(finished: Finished) -> None:
    """A job nobody has touched agrees with itself, with items that were tried again and one that never went out."""
    found = finished.verdict()
    assert ([], [], ITEMS) == (found.findings, found.cleared, found.items)
    tried = finished.engine.value("select sum(attempts) from pgjobs.items")
    assert (tried + 1, tried) == (found.lines, found.counts["sent"])
    assert found.words()[0].endswith(f", {ITEMS} items")
    assert "log, checkpoints, outcomes, items and counters agree" in found.words()[0]


def test_what_was_changed_in_its_items_is_named(finished: Finished) -> None:
    """An item that is missing, an attempt too much or too few, and a counter that is off: each is named."""
    job, execute = finished.job, finished.engine.execute
    execute("update pgjobs.items set attempts = attempts + 1 where key in (8, 11)")
    execute("update pgjobs.items set attempts = attempts - 1 where key in (4, 30)")
    assert [
        f"job {job}: item 4: it was sent or refused 1 time, and the log has 2 lines of it",
        f"job {job}: item 8: it was sent or refused 3 times, and the log has 2 lines of it",
        f"job {job}: item 11: it was sent or refused 2 times, and the log has 1 line of it",
        f"job {job}: item 30: it was sent or refused 1 time, and the log has 2 lines of it",
    ] == finished.verdict().findings
    execute("update pgjobs.items set attempts = attempts - 1 where key in (8, 11)")
    execute("update pgjobs.items set attempts = attempts + 1 where key in (4, 30)")
    assert [] == finished.verdict().findings
    execute("update pgjobs.item_counts set n = n + 1 where status = 's' and slot = (select min(slot) from"
            " pgjobs.item_counts where status = 's')")  # fmt: skip
    good = finished.engine.value("select count(*) from pgjobs.items where status = 's'")
    counted = f"job {job}: items that are good: its counters say {good + 1}, and there are {good}"
    assert [counted] == finished.verdict().findings
    execute("delete from pgjobs.items where key = 5")
    missing, *counters = finished.verdict().findings
    assert f"job {job}: log {finished.engine.folder}" in missing
    assert missing.endswith("line 5: record 5 has no item")
    assert [f"job {job}: items that are good: its counters say {good + 1}, and there are {good - 1}"] == counters


def test_an_item_that_went_out_without_a_line_is_told(finished: Finished) -> None:
    """An attempt that no line tells of is found, also where its item has no other one; and so is what an item lacks."""
    job, execute = finished.job, finished.engine.execute
    execute("update pgjobs.items set attempts = 0 where key = 1")
    assert [f"job {job}: sent or refused: 39 items, and the log has 40 of them"] == finished.verdict().findings


def test_items_that_were_cleared_are_told(finished: Finished) -> None:
    """Where items were cleared after their keep time, verify says so and finds nothing wrong."""
    finished.engine.execute("update pgjobs.shards set cleared = cleared || '{items}'::text[]")
    finished.engine.execute("delete from pgjobs.items")
    found = finished.verdict()
    assert [] == found.findings
    assert [f"job {finished.job}, shard {n}: its items were cleared after their keep time" for n in (0, 1)] == (
        found.cleared
    )
