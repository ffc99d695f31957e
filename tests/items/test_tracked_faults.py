"""Tracked jobs in trouble: daemons that die at any point, answers that come twice, late, early or never."""

import asyncio
import signal
from typing import Any

import pika
import pytest
from fix_items import Tracked

from pgjobs.failpoints import ITEM_CRASHES
from pgjobs.joblog.verify import examine

GOOD = {"result": "SUCCESSFUL"}
BAD = {"result": "ERROR_PROCESSING"}
ITEMS = 40
CRASHES = [
    *((point, 1) for point in ITEM_CRASHES),
    *((point, n) for point in ("after_publish", "after_confirm", "after_checkpoint") for n in (1, 4, 8)),
    *((point, 3) for point in ("after_answers", "after_report", "after_announce", "before_sync", "after_sync")),
    ("after_prepare", 1),
    ("before_finish", 1),
    ("before_finish", 2),
    ("after_finish", 1),
]


def settled(tracked: Tracked, job: int, most: int) -> dict[str, int]:
    """What became of the items of a job that is done; each is closed, counted once, tried as often as it may be."""
    engine = tracked.engine
    engine.wait_status(job, "done")
    found = tracked.statuses(job)
    assert not found.keys() & {"w", "l", "r"}
    items = engine.rows("select * from pgjobs.items where job_id = %s", job)
    assert [] == [
        item["key"] for item in items if item["closed_at"] is None or item["answer"] or item["attempts"] > most
    ]
    for table in ("item_retries", "item_offers"):
        assert 0 == engine.value(f"select count(*) from pgjobs.{table} where job_id = %s", job)  # noqa: S608 of two
    assert [] == asyncio.run(examine(engine.database_url, job)).findings
    lines = engine.log_lines(job)
    assert len(lines) == engine.counters(job).considered
    # An attempt has one line: the one that sent it, or the one that says that it was answered before.
    attempts = sum(item["attempts"] for item in items) + found.get("x", 0)
    assert attempts == len(lines)
    return found


class Flaky:
    """Answers each message twice; a third of the items fail at their first attempt, and one in ten for ever."""

    def __init__(self) -> None:
        self.failed: set[int] = set()

    def __call__(self, properties: pika.BasicProperties, body: Any) -> object:
        n = body["n"]
        if n % 10 == 0:
            return [BAD]
        # The same attempt is always answered alike, also where it is delivered again.
        if n % 3 == 0 and str(properties.message_id).endswith("-1"):
            return [BAD]
        return [GOOD, GOOD]


@pytest.mark.parametrize(("point", "count"), CRASHES)
def test_a_daemon_that_dies_loses_no_item(tracked: Tracked, point: str, count: int) -> None:
    """A daemon dies, another one goes on: each item is closed once, and counted, logged and tried by the rules."""
    tracked.rules(retry_limit=1)
    tracked.targets(ITEMS)
    job = tracked.add_job(shards=2)
    tracked.consume(Flaky())
    engine = tracked.engine
    dying = engine.start(ready=False, fault=f"{point}:{count}")
    assert -signal.SIGKILL == dying.wait(30), dying.said[-3000:]
    engine.daemons.remove(dying)
    engine.start()
    found = settled(tracked, job, 2)
    assert ITEMS == sum(found.values())
    assert {"s", "f"} == found.keys()
    # A message that was sent twice may be answered twice: its second failure counts as that of the next attempt.
    assert 4 <= found["f"] <= 4 + ITEMS // 3
